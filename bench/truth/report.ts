import { FIELDS, type Comparison, type Field } from "./compare.ts";
import type { TruePull } from "./truth.ts";

/** Results of one or more runs of one client. */
export interface Tally {
  readonly name: string;
  pulls: number;
  found: number;
  extra: number;
  silent: number;
  readonly right: Record<Field, number>;
  readonly compared: Record<Field, number>;
  /** Anything else that must not be: metrics and log lines that disagree, a proxy that did not end with 0. */
  readonly faults: string[];
}

export function tallyOf(name: string, comparison: Comparison): Tally {
  const { pairs, missed, extra, compared, silent } = comparison;
  const wrong = (field: Field): number => pairs.filter((pair) => pair.wrong.some((one) => one.field === field)).length;
  const right = Object.fromEntries(FIELDS.map((field) => [field, compared[field] - wrong(field)])) as Record<
    Field,
    number
  >;
  const found = pairs.length;
  return {
    name,
    pulls: found + missed.length,
    found,
    extra: extra.length,
    silent,
    right,
    compared: { ...compared },
    faults: [],
  };
}

export function sumOf(name: string, tallies: readonly Tally[]): Tally {
  const sum = (count: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + count(tally), 0);
  const fields = (of: "right" | "compared"): Record<Field, number> =>
    Object.fromEntries(FIELDS.map((field) => [field, sum((tally) => tally[of][field])])) as Record<Field, number>;
  return {
    name,
    pulls: sum((tally) => tally.pulls),
    found: sum((tally) => tally.found),
    extra: sum((tally) => tally.extra),
    silent: sum((tally) => tally.silent),
    right: fields("right"),
    compared: fields("compared"),
    faults: tallies.flatMap((tally) => tally.faults),
  };
}

/** What must be reached: shares of 1; `extra` is the share of pulls that may be too many. */
export type Bar = Readonly<Record<Field | "pulls" | "extra", number>>;

const EXACT_LABELS = { has_creds: 1, registry: 1, trigger: 1, isolation: 1 };

export const BARS = {
  /** Without faults. */
  clean: { pulls: 0.998, extra: 0, status: 0.995, on_disk: 0.995, duration: 0.98, ...EXACT_LABELS },
  /** With injected faults: what the rules of pull assembly reached on runs that nobody had looked at. */
  faults: { pulls: 0.996, extra: 0.004, status: 0.99, on_disk: 0.989, duration: 0.972, ...EXACT_LABELS },
  /** With a key that names the pull nothing may be wrong; times still pass through a busy machine. */
  strong: { pulls: 1, extra: 0, status: 1, on_disk: 1, duration: 0.98, ...EXACT_LABELS },
} as const satisfies Record<string, Bar>;

/** What the tally lacks to the bar, one line each. `spare`: mistakes forgiven in each column, for runs too short for a share. */
export function shortfalls(tally: Tally, bar: Bar, spare = 0): string[] {
  const lacks: string[] = [...tally.faults];
  const need = (column: string, right: number, of: number, share: number): void => {
    const wrong = of - right;
    if (wrong > Math.max(spare, of * (1 - share) + 1e-9))
      lacks.push(`${column}: ${right} of ${of} (${percent(right, of)}), bar ${100 * share} %`);
  };
  need("pulls", tally.found, tally.pulls, bar.pulls);
  if (tally.extra > Math.max(spare, tally.pulls * bar.extra))
    lacks.push(`extra: ${tally.extra}, bar ${100 * bar.extra} %`);
  for (const field of FIELDS) need(field, tally.right[field], tally.compared[field], bar[field]);
  return lacks;
}

export function formatTable(tallies: readonly Tally[]): string {
  const head = ["run", "pulls", "extra", ...FIELDS, "silent"];
  const rows = tallies.map((tally) => [
    tally.name,
    cell(tally.found, tally.pulls),
    String(tally.extra),
    ...FIELDS.map((field) => cell(tally.right[field], tally.compared[field])),
    String(tally.silent),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Every miss with the requests that made it. */
export function formatMisses({ pairs, missed, extra }: Comparison): string {
  const lines: string[] = [];
  for (const truth of missed) lines.push(`missed ${describe(truth)}`, ...requestsOf(truth));
  for (const pull of extra) {
    lines.push(
      `extra  ${pull.repository} ${pull.reference} ${pull.status} ${pull.cause}, ${time(pull.startMs)} to ${time(pull.endMs)}`,
    );
    lines.push(...pull.blobs.map((blob) => `         ${time(blob.startMs)} ${blob.digest}`));
  }
  for (const { truth, observed, wrong } of pairs.filter((pair) => pair.wrong.length > 0)) {
    const what = wrong.map(({ field, expected, got }) => `${field} ${got}, not ${expected}`).join("; ");
    lines.push(
      `wrong  ${describe(truth)}: ${what} (observed ${observed.id}, ${observed.cause}, ${time(observed.startMs)} to ${time(observed.endMs)})`,
    );
    lines.push(...requestsOf(truth));
  }
  return lines.join("\n");
}

function describe({ plan, result, killed }: TruePull): string {
  const end = killed ? "killed" : `exit ${result.exitCode}`;
  return `pull ${plan.id} ${plan.registry} ${plan.repository} ${plan.reference}, ${end}${result.error === "" ? "" : `: ${result.error.slice(-160).replaceAll("\n", " ")}`}`;
}

function requestsOf({ exchanges }: TruePull): string[] {
  return exchanges.map((exchange) => {
    const end = exchange.aborted === undefined ? "" : `, aborted by ${exchange.aborted}`;
    return `         ${time(exchange.startMs)} to ${time(exchange.endMs)} #${exchange.connection} ${exchange.method} ${exchange.url} ${exchange.status ?? "-"} ${exchange.bytes} B${end}`;
  });
}

function cell(right: number, of: number): string {
  return `${right}/${of} ${percent(right, of)}`;
}

function percent(right: number, of: number): string {
  return of === 0 ? "-" : `${((100 * right) / of).toFixed(1)}%`;
}

function time(ms: number | undefined): string {
  return ms === undefined ? "-" : new Date(ms).toISOString().slice(11, 23);
}
