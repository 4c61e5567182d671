import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Labels, MetricFamily } from "../../../src/exposition/metric-family.ts";
import { renderOpenMetrics } from "../../../src/exposition/openmetrics.ts";
import { renderText } from "../../../src/exposition/text.ts";

/** Reads one line of samples character by character, as the format's grammar has it. */
function readSample(line: string): { name: string; labels: Labels; value: number; rest: string } {
  let at = line.search(/[{ ]/);
  const name = line.slice(0, at);
  const labels: [string, string][] = [];
  if (line.startsWith("{}", at)) at += 2;
  else if (line[at] === "{") {
    do {
      const equals = line.indexOf("=", at);
      const label = line.slice(at + 1, equals);
      assert.equal(line[equals + 1], '"');
      let value = "";
      for (at = equals + 2; line[at] !== '"'; at++) {
        assert.ok(at < line.length, `no end of a value: ${line}`);
        if (line[at] !== "\\") value += line[at];
        else value += { n: "\n", "\\": "\\", '"': '"' }[line[++at] ?? ""] ?? assert.fail(`an unknown escape: ${line}`);
      }
      labels.push([label, value]);
      at++;
    } while (line[at] === ",");
    assert.equal(line[at], "}");
    at++;
  }
  const [value = "", ...rest] = line.slice(at + 1).split(" ");
  return {
    name,
    labels,
    value: Number(value.replace("+Inf", "Infinity").replace("-Inf", "-Infinity")),
    rest: rest.join(" "),
  };
}

const labelValue = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\\", '"', "\n", ",", "=", "}", "{", " ", "#"),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
});
const labels = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_]{1,8}$/), labelValue), { selector: ([name]) => name, maxLength: 4 })
  .map((pairs): Labels => pairs);
const gauge = fc.record({
  name: fc.stringMatching(/^[a-z]{1,10}$/),
  help: labelValue,
  type: fc.constant("gauge" as const),
  samples: fc.array(fc.record({ labels, value: fc.double() }), { minLength: 1, maxLength: 3 }),
});

for (const [format, render] of [
  ["text", renderText],
  ["OpenMetrics", renderOpenMetrics],
] as const) {
  test(`${format}: whatever labels and values there are, each sample is one line that reads back`, () => {
    fc.assert(
      fc.property(gauge, (family: MetricFamily & { type: "gauge" }) => {
        const lines = render([family])
          .split("\n")
          .filter((line) => line !== "" && !line.startsWith("# "));
        assert.equal(lines.length, family.samples.length);
        for (const [index, line] of lines.entries()) {
          const sample = family.samples[index];
          const { name, labels: found, value, rest } = readSample(line);
          assert.deepEqual([name, found, rest], [family.name, sample?.labels, ""]);
          // The format knows no -0.
          assert.equal(value, (sample?.value ?? 0) + 0);
        }
      }),
    );
  });
}

test("OpenMetrics: an exemplar's labels and value read back too", () => {
  fc.assert(
    fc.property(labels, fc.double(), (pairs, value) => {
      fc.pre(pairs.flat().join("").length <= 128);
      const bucket = {
        upperBound: Infinity,
        cumulativeCount: 1,
        exemplar: { labels: pairs, value, timestampMs: 1500 },
      };
      const samples = [{ labels: [], count: 1, sum: 1, buckets: [bucket] }];
      const line = renderOpenMetrics([{ name: "h", help: "", type: "histogram", samples }])
        .split("\n")
        .find((one) => one.startsWith("h_bucket"));
      const exemplar = readSample(`exemplar${line?.slice(line.indexOf(" # ") + 3)}`);
      assert.deepEqual(exemplar.labels, pairs);
      assert.equal(exemplar.value, value + 0);
      assert.equal(exemplar.rest, "1.500");
    }),
  );
});
