import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricFamily } from "../../../src/exposition/metric-family.ts";
import { renderOpenMetrics } from "../../../src/exposition/openmetrics.ts";
import { renderText } from "../../../src/exposition/text.ts";

const ODD: MetricFamily = {
  name: "odd_total",
  help: 'a\\b\n"c"',
  type: "counter",
  samples: [
    { labels: [["value", 'x\\y\n"z"']], value: 1 },
    { labels: [], value: 12_345_678 },
  ],
};

const DURATION: MetricFamily = {
  name: "wait_seconds",
  help: "H.",
  type: "histogram",
  samples: [
    {
      labels: [["kind", "x"]],
      count: 3,
      sum: 6.5,
      buckets: [
        {
          upperBound: 1,
          cumulativeCount: 1,
          exemplar: { labels: [["id", "1"]], value: 0.5, timestampMs: 1_767_225_603_500 },
        },
        { upperBound: 1e6, cumulativeCount: 3, exemplar: { labels: [], value: 4, timestampMs: 1 } },
        {
          upperBound: Infinity,
          cumulativeCount: 3,
          exemplar: { labels: [["id", "é".repeat(127)]], value: 4, timestampMs: 1 },
        },
      ],
    },
  ],
};

test("text: backslash, quote and line break are escaped in label values, the first and last in help", () => {
  assert.equal(
    renderText([ODD]),
    '# HELP odd_total a\\\\b\\n"c"\n# TYPE odd_total counter\nodd_total{value="x\\\\y\\n\\"z\\""} 1\nodd_total 1.2345678e+07\n',
  );
});

test("OpenMetrics: a counter's samples keep their names, its family has none of the suffix, quotes are escaped in help", () => {
  assert.equal(
    renderOpenMetrics([ODD]),
    '# TYPE odd counter\n# HELP odd a\\\\b\\n\\"c\\"\nodd_total{value="x\\\\y\\n\\"z\\""} 1\nodd_total 1.2345678e+07\n# EOF\n',
  );
});

test("text: a histogram has its buckets, sum and count, and no exemplar", () => {
  assert.equal(
    renderText([DURATION]),
    `# HELP wait_seconds H.
# TYPE wait_seconds histogram
wait_seconds_bucket{kind="x",le="1"} 1
wait_seconds_bucket{kind="x",le="1e+06"} 3
wait_seconds_bucket{kind="x",le="+Inf"} 3
wait_seconds_sum{kind="x"} 6.5
wait_seconds_count{kind="x"} 3
`,
  );
});

test("OpenMetrics: a histogram has its unit and its exemplars, but none of more than 128 characters", () => {
  assert.equal(
    renderOpenMetrics([DURATION]),
    `# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds H.
wait_seconds_bucket{kind="x",le="1"} 1 # {id="1"} 0.5 1767225603.500
wait_seconds_bucket{kind="x",le="1e+06"} 3 # {} 4 0.001
wait_seconds_bucket{kind="x",le="+Inf"} 3
wait_seconds_sum{kind="x"} 6.5
wait_seconds_count{kind="x"} 3
# EOF
`,
  );
});

test("OpenMetrics: what calls itself a counter without the suffix is of unknown type", () => {
  const family: MetricFamily = { name: "odd", help: "H.", type: "counter", samples: [{ labels: [], value: 1 }] };
  assert.equal(renderOpenMetrics([family]), "# TYPE odd unknown\n# HELP odd H.\nodd 1\n# EOF\n");
});

test("OpenMetrics: the unit of a counter comes before its suffix", () => {
  const family: MetricFamily = { name: "sent_bytes_total", help: "H.", type: "counter", samples: [] };
  assert.equal(
    renderOpenMetrics([family]),
    "# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n# HELP sent_bytes H.\n# EOF\n",
  );
});

test("nothing to tell is an empty text, and an OpenMetrics text that ends", () => {
  assert.equal(renderText([]), "");
  assert.equal(renderOpenMetrics([]), "# EOF\n");
});
