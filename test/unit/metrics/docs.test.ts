import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createMetrics } from "../../../src/metrics/create-metrics.ts";
import { exposeMetrics } from "../../../src/metrics/exposition.ts";
import { metricsPage } from "../../../tools/docs/metrics.ts";
import { expositionText } from "../../support/exposition-text.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/metrics.md"), "utf8");

test('docs/metrics.md is what "npm run docs" prints', () => assert.equal(page, metricsPage()));

test("each metric of the live exposition is in docs/metrics.md", async () => {
  const body = await expositionText(exposeMetrics(createMetrics({ version: "1.2.3" })));
  const names = [...body.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1] ?? "");
  assert.ok(names.length > 25, String(names.length));
  assert.deepEqual(
    names.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});
