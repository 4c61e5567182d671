import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, type ObservedPull } from "../../../bench/truth/compare.ts";
import { BARS, formatMisses, formatTable, shortfalls, sumOf, tallyOf } from "../../../bench/truth/report.ts";
import type { TruePull } from "../../../bench/truth/truth.ts";

const DIGEST = `sha256:${"1".repeat(64)}`;

function truePull(id: number, overrides: Partial<TruePull> = {}): TruePull {
  return {
    plan: { id, registry: "main", repository: "lib/app", reference: "v1", credentials: "none" },
    result: { exitCode: 0, error: "", startMs: 900, endMs: 2200 },
    killed: false,
    exchanges: [],
    visible: true,
    ok: true,
    onDisk: false,
    hasCreds: false,
    start: { earliestMs: 1000, latestMs: 1002 },
    end: { earliestMs: 1998, latestMs: 2000 },
    ...overrides,
  };
}

function observedPull(id: string, overrides: Partial<ObservedPull> = {}): ObservedPull {
  return {
    id,
    registry: "main-example.com",
    repository: "lib/app",
    reference: "v1",
    status: "ok",
    cause: "none",
    onDisk: false,
    hasCreds: false,
    isolation: "bench",
    trigger: "execution",
    startMs: 1001,
    endMs: 2000,
    blobs: [],
    ...overrides,
  };
}

function shiftedBy(ms: number): Pick<TruePull, "start" | "end"> {
  return {
    start: { earliestMs: 1000 + ms, latestMs: 1002 + ms },
    end: { earliestMs: 1998 + ms, latestMs: 2000 + ms },
  };
}

test("a pull that was observed as it was has nothing wrong", () => {
  const { pairs, missed, extra } = compare([truePull(1)], [observedPull("a")]);
  assert.deepEqual([pairs[0]?.wrong, missed, extra], [[], [], []]);
});

test("each label that differs is named with what was expected", () => {
  const lies = {
    status: "timeout",
    onDisk: true,
    hasCreds: true,
    registry: "x",
    trigger: "warmup",
    isolation: "y",
    endMs: 2500,
  };
  const [pair] = compare([truePull(1)], [observedPull("a", lies)]).pairs;
  assert.deepEqual(
    pair?.wrong.map(({ field, expected }) => [field, expected]),
    [
      ["status", "ok"],
      ["on_disk", "false"],
      ["has_creds", "false"],
      ["registry", "main-example.com"],
      ["trigger", "execution"],
      ["isolation", "bench"],
      ["duration", "996 to 1000"],
    ],
  );
});

function isWrongAt(endMs: number): boolean {
  return compare([truePull(1)], [observedPull("a", { endMs })]).pairs[0]?.wrong.length !== 0;
}

test("a duration may differ by 1 % or 5 ms from what tap and recorder saw, and not by more", () => {
  // 996 to 1000 ms is true, 1 % of it is 10 ms; the observation starts at 1001.
  assert.deepEqual([1986, 1988, 2010, 2012].map(isWrongAt), [true, false, false, true]);
});

test("what is not known is not compared", () => {
  const unknown = truePull(1, { ok: undefined, onDisk: undefined, killed: true });
  const { pairs, compared, silent } = compare([unknown], [observedPull("a", { status: "canceled", onDisk: true })]);
  assert.deepEqual(pairs[0]?.wrong, []);
  assert.deepEqual([compared.status, compared.on_disk, compared.trigger, silent], [0, 0, 1, 1]);
});

test("a pull that nobody observed is missed, an observation without a pull is extra", () => {
  const other = observedPull("b", { repository: "lib/other" });
  const { pairs, missed, extra } = compare([truePull(1)], [other]);
  assert.equal(pairs.length, 0);
  assert.deepEqual(
    missed.map(({ plan }) => plan.id),
    [1],
  );
  assert.deepEqual(
    extra.map(({ id }) => id),
    ["b"],
  );
});

test("a pull without a request at the proxy cannot be missed, and takes no observation", () => {
  const invisible = truePull(1, { visible: false, start: undefined, end: undefined });
  const { pairs, missed, extra } = compare([invisible], [observedPull("a")]);
  assert.deepEqual([pairs.length, missed.length, extra.length], [0, 0, 1]);
});

test("one observation for two pulls leaves one of them missed", () => {
  const { pairs, missed } = compare([truePull(1), truePull(2)], [observedPull("a")]);
  assert.deepEqual([pairs.length, missed.length], [1, 1]);
});

test("twins are paired by when they start and end", () => {
  const truths = [truePull(1), truePull(2, shiftedBy(40))];
  const observations = [observedPull("late", { startMs: 1041, endMs: 2040 }), observedPull("early")];
  const { pairs } = compare(truths, observations);
  const names = new Map(pairs.map(({ truth, observed }) => [truth.plan.id, observed.id]));
  assert.deepEqual([names.get(1), names.get(2)], ["early", "late"]);
});

test("requests in common weigh more than the start", () => {
  const exchange = (startMs: number): TruePull["exchanges"][number] => ({
    seq: startMs,
    listener: "main",
    connection: 1,
    pull: 1,
    method: "GET",
    url: `/v2/lib/app/blobs/${DIGEST}`,
    headers: {},
    startMs,
    bytes: 0,
  });
  const truths = [
    truePull(1, { exchanges: [exchange(1500)] }),
    truePull(2, { ...shiftedBy(40), exchanges: [exchange(1700)] }),
  ];
  const observations = [
    observedPull("has 1700", { blobs: [{ digest: DIGEST, startMs: 1702 }] }),
    observedPull("has 1500", { startMs: 1041, blobs: [{ digest: DIGEST, startMs: 1502 }] }),
  ];
  const names = new Map(compare(truths, observations).pairs.map(({ truth, observed }) => [truth.plan.id, observed.id]));
  assert.deepEqual([names.get(1), names.get(2)], ["has 1500", "has 1700"]);
});

test("a process id decides alone", () => {
  const result = { exitCode: 0, error: "", startMs: 900, endMs: 2200 };
  const truths = [truePull(1, { result: { ...result, pid: 11 } }), truePull(2, { result: { ...result, pid: 22 } })];
  const { pairs, extra } = compare(truths, [observedPull("b", { process: 22 }), observedPull("x", { process: 33 })]);
  assert.deepEqual(
    pairs.map(({ truth, observed }) => [truth.plan.id, observed.id]),
    [[2, "b"]],
  );
  assert.deepEqual(
    extra.map(({ id }) => id),
    ["x"],
  );
});

test("without a tap a pull lies anywhere in its client's life, and not outside", () => {
  const untapped = truePull(1, { start: undefined, end: undefined });
  assert.equal(compare([untapped], [observedPull("a", { startMs: 2100 })]).pairs.length, 1);
  assert.equal(compare([untapped], [observedPull("a", { startMs: 2300 })]).pairs.length, 1, "sent just before it died");
  assert.equal(compare([untapped], [observedPull("a", { startMs: 2500 })]).pairs.length, 0);
});

test("the bar forgives no mistake where it says 100 %, and a share elsewhere", () => {
  const many = Array.from({ length: 500 }, (_, index) => truePull(index + 1, shiftedBy(10_000 * index)));
  const seen = (overrides: Partial<ObservedPull>): ObservedPull[] =>
    many.map((_, index) =>
      observedPull(String(index), {
        startMs: 1001 + 10_000 * index,
        endMs: 2000 + 10_000 * index,
        ...(index === 0 ? overrides : {}),
      }),
    );
  const lacks = (overrides: Partial<ObservedPull>, spare = 0): string[] =>
    shortfalls(tallyOf("run", compare(many, seen(overrides))), BARS.clean, spare);
  assert.deepEqual(lacks({}), []);
  assert.deepEqual(lacks({ onDisk: true }), [], "1 of 500 is within 99.5 %");
  assert.deepEqual(lacks({ hasCreds: true }), ["has_creds: 499 of 500 (99.8%), bar 100 %"]);
  assert.deepEqual(lacks({ hasCreds: true }, 1), [], "what is forgiven is forgiven in every column");
  assert.deepEqual(lacks({ repository: "other" }).length, 1, "1 missed is within 99.8 %, 1 extra is not allowed");
});

test("problems of any kind are below the bar, however good the numbers are", () => {
  const tally = tallyOf("run", compare([truePull(1)], [observedPull("a")]));
  tally.faults.push("metrics and log disagree");
  assert.deepEqual(shortfalls(tally, BARS.clean), ["metrics and log disagree"]);
});

test("runs add up", () => {
  const one = tallyOf("a", compare([truePull(1)], [observedPull("a")]));
  const other = tallyOf(
    "b",
    compare([truePull(1), truePull(2, shiftedBy(9000))], [observedPull("a", { onDisk: true })]),
  );
  const sum = sumOf("both", [one, other]);
  assert.deepEqual([sum.pulls, sum.found, sum.right.on_disk, sum.compared.on_disk], [3, 2, 1, 2]);
  assert.match(formatTable([sum]), /2\/3 66\.7%/);
});

test("every miss is told with its requests", () => {
  const exchanges = [
    {
      seq: 1,
      listener: "main",
      connection: 7,
      pull: 1,
      method: "HEAD",
      url: "/v2/lib/app/manifests/v1",
      headers: {},
      startMs: 1000,
      endMs: 1010,
      status: 200,
      bytes: 0,
    },
  ];
  const told = formatMisses(compare([truePull(1, { exchanges })], []));
  assert.match(told, /^missed pull 1 main lib\/app v1, exit 0\n.*#7 HEAD \/v2\/lib\/app\/manifests\/v1 200 0 B$/);
});
