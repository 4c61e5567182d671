import assert from "node:assert/strict";
import { test } from "node:test";
import { METRICS } from "../../../src/metrics/metrics.ts";
import { everythingObserved } from "../../support/everything-observed.ts";
import { expositionText } from "../../support/exposition-text.ts";
import { decodeFamilies } from "../../support/protobuf-decoder.ts";

// The rules of client_golang's promlint (prometheus/testutil/promlint/validations), which `promtool check metrics` runs,
// so that they hold where promtool is not at hand.

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly string[];
}

const TYPES = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const ABBREVIATED_UNITS = new Set(["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"]);
const OTHER_UNITS =
  /_(?:(?:milli|micro|nano)?seconds?|minutes?|hours?|days?|(?:kilo|mega|giga|kibi|mebi|gibi)?bytes?|bits|percent)(?:_|$)/;
const BASE_UNITS = /_(?:seconds|bytes)(?:_|$)/;

function lint({ name, help, type, samples }: Family): string[] {
  const words = name.split("_");
  const labels = samples.flatMap((sample) => [...sample.matchAll(/[{,]([^=,{]+)="/g)].map((match) => match[1] ?? ""));
  const rules: ReadonlyArray<readonly [boolean, string]> = [
    [help.trim() === "", "no help"],
    [(type === "counter") !== name.endsWith("_total"), "counters, and only they, end in _total"],
    [/_(?:count|sum|bucket)$/.test(name), "a suffix of histograms in the name"],
    [words.some((word) => TYPES.has(word)), "the type in the name"],
    [!/^[a-z][a-z0-9_]*$/.test(name), "not snake_case"],
    [words.some((word) => ABBREVIATED_UNITS.has(word)), "an abbreviated unit"],
    [OTHER_UNITS.test(name) && !BASE_UNITS.test(name), "not a base unit"],
    [labels.some((label) => !/^[a-z][a-z0-9_]*$/.test(label)), "a label that is not snake_case"],
    [type !== "histogram" && labels.includes("le"), "le without a histogram"],
    [new Set(samples.map((sample) => sample.split(" ")[0])).size !== samples.length, "a series twice"],
  ];
  return rules.filter(([broken]) => broken).map(([, rule]) => `${name}: ${rule}`);
}

function parseFamilies(body: string): Family[] {
  return body
    .split(/^# HELP /m)
    .slice(1)
    .map((block) => {
      const [head = "", typeLine = "", ...samples] = block.trimEnd().split("\n");
      const [, name = "", help = ""] = /^(\S+) (.*)$/.exec(head) ?? [];
      const [, typed = "", type = ""] = /^# TYPE (\S+) (\S+)$/.exec(typeLine) ?? [];
      assert.equal(typed, name, `a TYPE line follows the HELP line of ${name}`);
      return { name, help, type, samples };
    });
}

/** The live exposition in each format, as families of the text format. OpenMetrics names counters without their suffix. */
const FORMATS: Readonly<Record<string, () => Promise<readonly Family[]>>> = {
  text: async () => parseFamilies(await liveExposition()),
  OpenMetrics: async () => {
    const text = await expositionText(everythingObserved(), "application/openmetrics-text");
    assert.match(text, /^# EOF\n$/m);
    const blocks = text.replace(/# EOF\n$/, "").replaceAll(/ # \{.*$/gm, "");
    return parseFamilies(
      blocks.replaceAll(
        /^# TYPE (\S+) (\S+)\n(?:# UNIT .*\n)?# HELP \S+ (.*)$/gm,
        (_, name: string, type: string, help: string) => {
          const full = type === "counter" ? `${name}_total` : name;
          return `# HELP ${full} ${help}\n# TYPE ${full} ${type}`;
        },
      ),
    );
  },
  protobuf: async () => {
    const accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    const { body } = await everythingObserved()(accept);
    assert.ok(typeof body !== "string");
    return decodeFamilies(body).map(({ name, help, type, metric = [] }) => ({
      name,
      help,
      type: ["counter", "gauge", "summary", "untyped", "histogram"][type] ?? "",
      samples: metric.map(
        ({ label = [] }) => `${name}{${label.map((pair) => `${pair.name}="${pair.value}"`).join(",")}} 1`,
      ),
    }));
  },
};

async function liveExposition(): Promise<string> {
  return expositionText(everythingObserved());
}

test("every metric of ours has a series in what is linted here", async () => {
  const body = await liveExposition();
  const silent = METRICS.filter(({ name }) => !new RegExp(`^${name}(?:_bucket)?[{ ]`, "m").test(body));
  assert.deepEqual(silent, []);
});

for (const [format, families] of Object.entries(FORMATS)) {
  test(`the live exposition in ${format} breaks no rule of promlint`, async () => {
    const live = await families();
    assert.ok(live.length > 25, String(live.length));
    assert.equal(new Set(live.map(({ name }) => name)).size, live.length, "no metric twice");
    assert.deepEqual(live.flatMap(lint), []);
  });
}

async function headsOf(families: () => Promise<readonly Family[]>): Promise<readonly string[]> {
  return (await families()).map(({ name, type }) => `${name} ${type}`);
}

test("the three formats tell of the same metrics", async () => {
  const [text, ...others] = await Promise.all(Object.values(FORMATS).map(headsOf));
  for (const other of others) assert.deepEqual(other, text);
});

test("each line of the live exposition is one of the text format", async () => {
  const sample =
    /^[a-z_][a-z0-9_]*(?:\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (?:[+-]?[0-9.]+(?:e[+-]\d+)?|NaN|[+-]Inf)$/;
  const lines = (await liveExposition()).split("\n");
  assert.equal(lines.pop(), "", "the last line ends");
  assert.deepEqual(
    lines.filter((line) => !/^# (?:HELP|TYPE) \S+ ./.test(line) && !sample.test(line)),
    [],
  );
});

test("our own metrics carry our prefix, and no label that could grow without bounds", () => {
  const foreign = METRICS.filter(({ name }) => !name.startsWith("pullmeter_")).map(({ name }) => name);
  assert.deepEqual(foreign, ["buildbuddy_remote_execution_image_fetch_duration_usec"]);
  const forbidden = /repo|tag|digest|image|client|address|agent|message|error|path|host|id$/;
  const labels = METRICS.flatMap((metric): readonly string[] => metric.labels);
  assert.deepEqual(
    labels.filter((label) => forbidden.test(label)),
    [],
  );
});

test("the rules find what they are for", () => {
  const good = { name: "x_total", help: "h", type: "counter", samples: ["x_total 1"] };
  assert.deepEqual(lint(good), []);
  const bad: ReadonlyArray<Partial<Family>> = [
    { help: " " },
    { name: "x" },
    { name: "x_bucket" },
    { name: "x_counter_total" },
    { name: "xY_total" },
    { name: "x_ms_total" },
    { name: "x_milliseconds_total" },
    { samples: ['x_total{aB="1"} 1'] },
    { samples: ['x_total{le="1"} 1'] },
    { samples: ["x_total 1", "x_total 2"] },
  ];
  for (const change of bad) assert.notDeepEqual(lint({ ...good, ...change }), [], JSON.stringify(change));
});
