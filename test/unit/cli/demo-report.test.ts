import assert from "node:assert/strict";
import { test } from "node:test";
import { excerptHistogram, PullTable, shortenHistogram, shortenLogLine } from "../../../src/cli/demo-report.ts";
import { toPullRecord, type PullRecord } from "../../../src/log/pull-record.ts";
import type { FinishedPull } from "../../../src/pull/pull-event.ts";

const WHAT = "cold, 4 layers";

const FINISHED: FinishedPull = {
  id: "1",
  registry: "registry.open.test",
  repository: "demo/app",
  reference: "v1",
  listener: "open",
  client: { address: "127.0.0.1", family: "demo", userAgent: "pullmeter-demo/0.1" },
  isolation: "demo",
  trigger: "execution",
  cause: "upstream_5xx",
  status: "error",
  onDisk: false,
  joined: false,
  hasCreds: true,
  opaqueToken: false,
  attempts: 1,
  startMs: 1000,
  endMs: 1234.4,
  decidedMs: 1300,
  endRule: "connections_closed",
  bytes: 12,
  layersRequested: 4,
  layersOnDisk: 0,
  blobs: [],
  transfers: [1, 2, 3],
};

const RECORD: PullRecord = toPullRecord(FINISHED);

function plain(_style: unknown, text: string): string {
  return text;
}

test("the table fits 80 columns, and shows the image where there are 100", () => {
  for (const [columns, limit] of [
    [80, 79],
    [99, 79],
    [100, 97],
    [120, 97],
  ] as const) {
    const table = new PullTable({ columns, paint: plain });
    assert.ok(table.head().length <= limit, `head at ${columns}`);
    assert.ok(table.row(WHAT, RECORD).length <= limit, `row at ${columns}`);
    assert.equal(table.head().includes("IMAGE"), columns >= 100);
  }
});

test("a row holds what happened, the labels and the milliseconds, under their titles", () => {
  const table = new PullTable({ columns: 120, paint: plain });
  assert.equal(
    `${table.head()}\n${table.row(WHAT, RECORD)}`,
    [
      "PULL             IMAGE             registry      status      on_disk  has_creds  trigger       ms",
      "cold, 4 layers   demo/app:v1       open.test     error       false    true       execution    234",
    ].join("\n"),
  );
});

test("what is too long for its column is cut", () => {
  const table = new PullTable({ columns: 120, paint: plain });
  const row = table.row(WHAT, { ...RECORD, repository: "library/a-long-name" });
  assert.equal(
    row,
    "cold, 4 layers   library/a-long-…  open.test     error       false    true       execution    234",
  );
});

test("only the status is coloured", () => {
  const painted: string[] = [];
  const table = new PullTable({
    columns: 80,
    paint: (style, text) => (painted.push(`${String(style)} ${text.trim()}`), text),
  });
  table.row(WHAT, RECORD);
  table.row(WHAT, { ...RECORD, status: "ok" });
  table.row(WHAT, { ...RECORD, status: "user_error" });
  assert.deepEqual(painted, ["red error", "green ok", "yellow user_error"]);
});

test("a shortened log line is JSON with what the table leaves out, as much as fits", () => {
  const all = {
    repository: "demo/app",
    reference: "v1",
    cause: "upstream_5xx",
    bytes: 12,
    requests: 3,
    layers_on_disk: 0,
  };
  const fields = (count: number): object => Object.fromEntries(Object.entries(all).slice(0, count));
  assert.deepEqual(JSON.parse(shortenLogLine(RECORD, 120)), all);
  assert.deepEqual(JSON.parse(shortenLogLine(RECORD, 119)), fields(5));
  assert.deepEqual(JSON.parse(shortenLogLine(RECORD, 80)), fields(4));
});

test("a shortened histogram is the counts, and sum and buckets of the first, without its name", () => {
  const lines = [
    'd_bucket{a="1",le="5"} 2',
    'd_bucket{a="1",le="25"} 3',
    'd_sum{a="1"} 90',
    'd_count{a="1"} 3',
    'd_sum{a="2"} 7',
    'd_count{a="2"} 1',
  ];
  assert.deepEqual(shortenHistogram(lines, "d", 80), [
    '…_count{a="1"} 3',
    '  …_bucket{…,le="5"} 2',
    '  …_bucket{…,le="25"} 3',
    "  …_sum{…} 90",
    '…_count{a="2"} 1',
  ]);
  assert.deepEqual(shortenHistogram([], "d", 80), []);
});

test("a shortened histogram breaks between labels, and only where it must", () => {
  const labels =
    'isolation="demo",registry="open.test",status="ok",on_disk="false",has_creds="false",trigger="execution"';
  const line = `…_count{${labels}} 4`;
  assert.deepEqual(shortenHistogram([`d_count{${labels}} 4`], "d", line.length), [line]);
  assert.deepEqual(shortenHistogram([`d_count{${labels}} 4`], "d", 80), [
    '…_count{isolation="demo",registry="open.test",status="ok",on_disk="false",',
    '    has_creds="false",trigger="execution"} 4',
  ]);
  for (let columns = 30; columns < 130; columns++) {
    const wrapped = shortenHistogram([`d_count{${labels}} 4`], "d", columns);
    assert.ok(
      wrapped.every(({ length }) => length <= columns),
      String(columns),
    );
    assert.equal(wrapped.map((part) => part.trimStart()).join(""), line);
  }
});

test("the excerpt of a histogram has every count and sum, and the first series' buckets up to the full one", () => {
  const exposition = [
    "# TYPE d histogram",
    'd_bucket{a="1",le="1"} 0',
    'd_bucket{a="1",le="5"} 0',
    'd_bucket{a="1",le="25"} 1',
    'd_bucket{a="1",le="125"} 3',
    'd_bucket{a="1",le="+Inf"} 3',
    'd_sum{a="1"} 90',
    'd_count{a="1"} 3',
    'd_bucket{a="2",le="1"} 1',
    'd_sum{a="2"} 1',
    'd_count{a="2"} 1',
    'other_count{a="1"} 7',
    "",
  ].join("\n");
  assert.deepEqual(excerptHistogram(exposition, "d"), [
    'd_bucket{a="1",le="5"} 0',
    'd_bucket{a="1",le="25"} 1',
    'd_bucket{a="1",le="125"} 3',
    'd_sum{a="1"} 90',
    'd_count{a="1"} 3',
    'd_sum{a="2"} 1',
    'd_count{a="2"} 1',
  ]);
  assert.deepEqual(excerptHistogram("", "d"), []);
});
