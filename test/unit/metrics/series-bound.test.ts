import assert from "node:assert/strict";
import { test } from "node:test";
import { seriesBound } from "../../../src/metrics/series-bound.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { besiege } from "../../support/siege.ts";

/** 2 MB of a scrape, uncompressed. */
const MAX_BYTES = 2_000_000;

const FORMATS = ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"] as const;

const CONFIGURED = Array.from({ length: 60 }, (_, index) => `configured-${index}.example${index}.com`);

for (const [name, rounds, options] of [
  ["by default", 100_000, {}],
  ["without the origin's histogram", 20_000, { imageFetchHistogram: false }],
  ["with 60 registries configured", 20_000, { registries: CONFIGURED }],
] as const) {
  test(`whatever clients make up, series stay below the bound and a scrape below 2 MB: ${name}`, async (t) => {
    const expose = besiege(rounds, options);
    const text = await expositionText(expose);
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
    const bound = seriesBound(options);
    t.diagnostic(`${series} series of at most ${bound}`);
    assert.ok(series <= bound, `${series} series, more than ${bound}`);
    // A bound far above what can be reached would tell nothing.
    assert.ok(series > bound * 0.7, `${series} series, far from ${bound}`);
    for (const accept of FORMATS) {
      const bytes = Buffer.byteLength((await expose(accept)).body);
      t.diagnostic(`${accept}: ${bytes} bytes`);
      assert.ok(bytes < MAX_BYTES, `${accept}: ${bytes} bytes`);
    }
  });
}

test("more registries in the configuration are more series, a histogram less is fewer", () => {
  const bound = seriesBound({});
  assert.ok(seriesBound({ registries: CONFIGURED }) > bound);
  assert.equal(seriesBound({ registries: CONFIGURED.slice(0, 3) }), bound);
  assert.ok(seriesBound({ imageFetchHistogram: false }) < bound);
});
