import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNumber, markdownTable } from "../../../bench/figures/markdown.ts";
import { barPlot, linePlot, ticks } from "../../../bench/figures/plot.ts";
import { flatness, isFlat } from "../../../bench/growth/flatness.ts";
import { judgeLoad } from "../../../bench/load/bars.ts";
import type { LoadRound } from "../../../bench/load/measure.ts";

test("numbers have three digits that count", () => {
  assert.deepEqual([0, 0.0123, 1.187, 35.24, 26_100.4].map(formatNumber), ["0", "0.0123", "1.19", "35.2", "26100"]);
  assert.equal(formatNumber(Number.NaN), "");
});

test("a table's columns are as wide as their widest cell", () => {
  assert.equal(markdownTable(["a", "bb"], [["long", "1"]]), "| a    | bb |\n| ---- | -: |\n| long |  1 |");
});

test("a bar is as long as its value, and what was not measured has none", () => {
  const svg = barPlot({
    title: "CPU",
    unit: "s",
    groups: ["tls", "plain"],
    rows: [
      { label: "one", values: [2, Number.NaN] },
      { label: "other", values: [1, 0.5] },
    ],
  });
  const widths = [...svg.matchAll(/<rect x="150" y="(?!30")\d+" width="([\d.]+)"/g)].map((match) => Number(match[1]));
  assert.deepEqual(
    widths.map((width) => width / widths[0]!),
    [1, 0.5, 0.25],
  );
});

test("a line's points rise with their values", () => {
  const svg = linePlot({
    title: "RSS",
    xLabel: "clients",
    yLabel: "MB",
    scale: "linear",
    lines: [
      {
        label: "a < b",
        points: [
          [0, 10],
          [100, 20],
          [500, 90],
        ],
      },
    ],
  });
  const ys = [...svg.matchAll(/cy="([\d.]+)"/g)].map((match) => Number(match[1]));
  assert.ok(ys[0]! > ys[1]! && ys[1]! > ys[2]!);
  assert.ok(svg.includes("a &lt; b"));
});

test("a logarithmic axis has powers of ten, a linear one round steps", () => {
  assert.deepEqual(ticks([6.5, 260], "logarithmic"), [10, 100]);
  assert.deepEqual(ticks([0, 47], "linear"), [0, 9, 18, 27, 36, 45]);
});

const grownTo = (last: number) => [
  { size: 1, costs: { requestUs: 7 } },
  { size: 10_000, costs: { requestUs: last } },
];

test("a cost that grows with what there is is not flat", () => {
  assert.equal(flatness(grownTo(21), "requestUs"), 3);
  assert.ok(isFlat(grownTo(21), "requestUs"));
  assert.ok(!isFlat(grownTo(15_900), "requestUs"));
  assert.ok(isFlat(grownTo(21), "pullUs"));
});

test("scrapes are compared from where every registry that may have series has them", () => {
  const points = [1, 100, 1_000].map((size) => ({ size, costs: { scrapeMs: size === 1 ? 0.1 : 2 } }));
  assert.equal(flatness(points, "scrapeMs"), 1);
});

test("the worst round counts for a bar of latency, and growth from the first round to the last", () => {
  const round: LoadRound = {
    seconds: 10,
    mbPerSecond: 400,
    cores: 1,
    metricsP50Ms: 5,
    metricsP99Ms: 50,
    readyzP50Ms: 5,
    readyzP99Ms: 50,
    looks: 400,
    peakMb: 300,
    afterMb: 200,
    afterSockets: 10,
  };
  const before = { rssMb: 100, sockets: 10 };
  const broken = (...rounds: LoadRound[]): readonly string[] =>
    judgeLoad({ before, rounds })
      .filter(({ holds }) => !holds)
      .map(({ bar }) => bar);
  assert.deepEqual(broken(round, round), []);
  assert.deepEqual(broken({ ...round, readyzP99Ms: 251 }, round), ["/readyz p99, ms"]);
  assert.deepEqual(broken(round, { ...round, afterMb: 300, afterSockets: 500 }), [
    "sockets left",
    "RSS from the first round to the last, MB",
  ]);
});
