// A decoder of Protocol Buffers that shares nothing with the encoder in src/exposition: BigInt and Buffer, after
// https://protobuf.dev/programming-guides/encoding/, and the schema io.prometheus.client as a table.

type Kind = "string" | "double" | "unsigned" | "signed" | Schema;

interface Schema {
  readonly [field: number]: readonly [name: string, kind: Kind, repeated?: "repeated"];
}

const LABEL: Schema = { 1: ["name", "string"], 2: ["value", "string"] };
const TIMESTAMP: Schema = { 1: ["seconds", "unsigned"], 2: ["nanos", "unsigned"] };
const EXEMPLAR: Schema = { 1: ["label", LABEL, "repeated"], 2: ["value", "double"], 3: ["timestamp", TIMESTAMP] };
const BUCKET: Schema = { 1: ["cumulativeCount", "unsigned"], 2: ["upperBound", "double"], 3: ["exemplar", EXEMPLAR] };
const SPAN: Schema = { 1: ["offset", "signed"], 2: ["length", "unsigned"] };
const HISTOGRAM: Schema = {
  1: ["sampleCount", "unsigned"],
  2: ["sampleSum", "double"],
  3: ["bucket", BUCKET, "repeated"],
  5: ["schema", "signed"],
  6: ["zeroThreshold", "double"],
  7: ["zeroCount", "unsigned"],
  9: ["negativeSpan", SPAN, "repeated"],
  10: ["negativeDelta", "signed", "repeated"],
  12: ["positiveSpan", SPAN, "repeated"],
  13: ["positiveDelta", "signed", "repeated"],
  16: ["exemplars", EXEMPLAR, "repeated"],
};
const VALUE: Schema = { 1: ["value", "double"] };
const METRIC: Schema = {
  1: ["label", LABEL, "repeated"],
  2: ["gauge", VALUE],
  3: ["counter", VALUE],
  5: ["untyped", VALUE],
  7: ["histogram", HISTOGRAM],
};
const FAMILY: Schema = {
  1: ["name", "string"],
  2: ["help", "string"],
  3: ["type", "unsigned"],
  4: ["metric", METRIC, "repeated"],
};

export interface DecodedSpan {
  offset: number;
  length: number;
}

export interface DecodedLabel {
  name: string;
  value: string;
}

export interface DecodedExemplar {
  label?: DecodedLabel[];
  value: number;
  timestamp: { seconds: number; nanos: number };
}

export interface DecodedHistogram {
  sampleCount: number;
  sampleSum: number;
  bucket?: { cumulativeCount: number; upperBound: number; exemplar?: DecodedExemplar }[];
  schema?: number;
  zeroThreshold?: number;
  zeroCount?: number;
  negativeSpan?: DecodedSpan[];
  negativeDelta?: number[];
  positiveSpan?: DecodedSpan[];
  positiveDelta?: number[];
  exemplars?: DecodedExemplar[];
}

export interface DecodedMetric {
  label?: DecodedLabel[];
  gauge?: { value: number };
  counter?: { value: number };
  untyped?: { value: number };
  histogram?: DecodedHistogram;
}

export interface DecodedFamily {
  name: string;
  help: string;
  type: number;
  metric?: DecodedMetric[];
}

/** Throws on any byte that is no part of a known field of the right wire type. */
export function decodeFamilies(bytes: Uint8Array): DecodedFamily[] {
  const families: unknown[] = [];
  let rest = Buffer.from(bytes);
  while (rest.length > 0) {
    const [size, start] = varint(rest, 0);
    const end = start + Number(size);
    if (end > rest.length) throw new Error("a message is cut short");
    families.push(decodeMessage(rest.subarray(start, end), FAMILY));
    rest = rest.subarray(end);
  }
  return families as DecodedFamily[];
}

function decodeMessage(bytes: Buffer, schema: Schema): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  let offset = 0;
  while (offset < bytes.length) {
    const [tag, start] = varint(bytes, offset);
    const [name, kind, repeated] = schema[Number(tag >> 3n)] ?? [];
    if (name === undefined || kind === undefined) throw new Error(`unknown field ${tag >> 3n}`);
    const wireType = Number(tag & 7n);
    if (wireType !== (kind === "double" ? 1 : kind === "unsigned" || kind === "signed" ? 0 : 2))
      throw new Error(`wrong wire type ${wireType} of ${name}`);
    const [value, end] = decodeValue(bytes, start, kind);
    if (repeated) message[name] = [...((message[name] as unknown[] | undefined) ?? []), value];
    else if (name in message) throw new Error(`${name} twice`);
    else message[name] = value;
    offset = end;
  }
  return message;
}

function decodeValue(bytes: Buffer, start: number, kind: Kind): readonly [value: unknown, end: number] {
  if (kind === "double") return [bytes.readDoubleLE(start), start + 8];
  const [number, end] = varint(bytes, start);
  if (kind === "unsigned") return [Number(number), end];
  if (kind === "signed") return [Number((number >> 1n) ^ -(number & 1n)), end];
  const last = end + Number(number);
  if (last > bytes.length) throw new Error("a field is cut short");
  const content = bytes.subarray(end, last);
  return [kind === "string" ? content.toString("utf8") : decodeMessage(content, kind), last];
}

function varint(bytes: Buffer, start: number): readonly [value: bigint, end: number] {
  let value = 0n;
  for (let index = start; index < start + 10; index++) {
    const byte = bytes[index];
    if (byte === undefined) throw new Error("a number is cut short");
    value |= BigInt(byte & 127) << BigInt(7 * (index - start));
    if (byte < 128) return [value, index + 1];
  }
  throw new Error("a number of more than ten bytes");
}

/** Counts by bucket index, empty ones left out. */
export function bucketsOf(spans: readonly DecodedSpan[] = [], deltas: readonly number[] = []): Map<number, number> {
  const counts = new Map<number, number>();
  let index = 0;
  let place = 0;
  let count = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let step = 0; step < length; step++) {
      count += deltas[place++] ?? Number.NaN;
      if (count !== 0) counts.set(index, count);
      index++;
    }
  }
  return counts;
}
