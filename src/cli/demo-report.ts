import { styleText } from "node:util";
import type { PullRecord } from "../log/pull-record.ts";

/** Text styles of a terminal; identity where there is none. */
export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** 100 columns: from here on there is room for the image's name. */
const WIDE_COLUMNS = 100;

/** 120 columns: for one field more of the log. */
const WIDEST_COLUMNS = 120;

interface Column {
  readonly title: string;
  readonly width: number;
  readonly alignRight?: boolean;
  readonly cell: (what: string, record: PullRecord) => string;
}

const WHAT: Column = { title: "PULL", width: 15, cell: (what) => what };

const IMAGE: Column = {
  title: "IMAGE",
  width: 16,
  cell: (_, { repository, reference }) => `${repository}:${reference}`,
};

const LABELS: readonly Column[] = [
  { title: "registry", width: 12, cell: (_, { registry }) => registry },
  { title: "status", width: 10, cell: (_, { status }) => status },
  { title: "on_disk", width: 7, cell: (_, record) => String(record.on_disk) },
  { title: "has_creds", width: 9, cell: (_, record) => String(record.has_creds) },
  { title: "trigger", width: 9, cell: (_, { trigger }) => trigger },
];

const DURATION: Column = {
  title: "ms",
  width: 5,
  alignRight: true,
  cell: (_, record) => Math.round(record.duration_ms ?? 0).toString(),
};

/** The demo's pulls as rows: what happened, the labels that it was observed with, how long it took. */
export class PullTable {
  readonly #columns: readonly Column[];
  readonly #paint: Paint;

  constructor({ columns, paint }: { columns: number; paint: Paint }) {
    this.#columns = [WHAT, ...(columns < WIDE_COLUMNS ? [] : [IMAGE]), ...LABELS, DURATION];
    this.#paint = paint;
  }

  head(): string {
    return this.#line((column) => this.#paint("bold", fit(column, column.title)));
  }

  row(what: string, record: PullRecord): string {
    return this.#line((column) => {
      const text = fit(column, column.cell(what, record));
      return column.title === "status" ? this.#paint(colourOf(record.status), text) : text;
    });
  }

  #line(cell: (column: Column) => string): string {
    return this.#columns.map(cell).join("  ").trimEnd();
  }
}

function fit({ width, alignRight }: Column, text: string): string {
  if (text.length > width) return `${text.slice(0, width - 1)}…`;
  return alignRight === true ? text.padStart(width) : text.padEnd(width);
}

function colourOf(status: PullRecord["status"]): "green" | "yellow" | "red" {
  if (status === "ok") return "green";
  return status === "user_error" ? "yellow" : "red";
}

/** What the table does not show of a pull, the most telling first; the whole line has much more. */
const SHORT_FIELDS = ["repository", "reference", "cause", "bytes", "requests", "layers_on_disk"] as const;

/** A line of the pull log with as many fields as a terminal of so many columns has room for. */
export function shortenLogLine(record: PullRecord, columns: number): string {
  const count = columns < WIDE_COLUMNS ? 4 : columns < WIDEST_COLUMNS ? 5 : SHORT_FIELDS.length;
  return JSON.stringify(Object.fromEntries(SHORT_FIELDS.slice(0, count).map((field) => [field, record[field]])));
}

/** The lines of one histogram that tell the most: count and sum of each series, and the buckets that the first fills. */
export function excerptHistogram(exposition: string, name: string): string[] {
  const lines = exposition.split("\n").filter((line) => line.startsWith(name));
  const totals = lines.filter((line) => /^\w+_(?:count|sum)\{/.test(line));
  const firstCount = totals.find((line) => line.startsWith(`${name}_count`));
  if (firstCount === undefined) return [];
  const [labels = "", count = ""] = firstCount.slice(`${name}_count{`.length).split("} ");
  const buckets = lines.filter((line) => line.startsWith(`${name}_bucket`) && line.includes(labels));
  const firstFull = buckets.findIndex((line) => line.endsWith(` ${count}`));
  return [...buckets.slice(Math.max(0, firstFull - 2), firstFull + 1), ...totals];
}

/** The same for people: the count of each series, and sum and buckets of the first; no name, which all of them have. */
export function shortenHistogram(lines: readonly string[], name: string, columns: number): string[] {
  const counts = lines.filter((line) => line.startsWith(`${name}_count{`)).map((line) => `…${line.slice(name.length)}`);
  const [firstCount, ...otherCounts] = counts;
  if (firstCount === undefined) return [];
  const labels = firstCount.slice("…_count{".length).split("} ")[0] ?? "";
  const rest = lines
    .filter((line) => line.includes(labels) && !line.startsWith(`${name}_count{`))
    .map((line) => `  …${line.slice(name.length).replace(labels, "…")}`);
  return [firstCount, ...rest, ...otherCounts].flatMap((line) => wrapLabels(line, columns));
}

const CONTINUED = "    ";

/** Goes on in the next line after a label, where a terminal would break a word. */
function wrapLabels(line: string, columns: number): string[] {
  const wrapped: string[] = [];
  let current = "";
  for (const part of line.split(/(?<=",)/)) {
    if (current !== "" && current.length + part.length > columns) {
      wrapped.push(current);
      current = CONTINUED;
    }
    current += part;
  }
  return [...wrapped, current];
}
