/** A recording cannot be read. `place` is the file, with the line where one is to blame. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
  readonly place: string;

  constructor(place: string, message: string) {
    super(`${place}: ${message}`);
    this.place = place;
  }
}

type Headers = Readonly<Record<string, string>>;

/** A request as recorded at the mirror. Times are milliseconds; header names are lower-case. */
export interface RecordedRequest {
  readonly seq: number;
  readonly conn: number;
  readonly listener?: string;
  readonly t: number;
  readonly tHead?: number;
  readonly tEnd?: number;
  readonly method: string;
  readonly url: string;
  readonly reqHeaders: Headers;
  readonly status?: number;
  readonly respHeaders: Headers;
  readonly respBytes?: number;
  readonly body?: unknown;
  readonly aborted?: boolean;
  readonly abortedBy?: string;
}

export interface ConnectionLine {
  readonly opened: boolean;
  readonly conn: number;
  readonly listener?: string;
  readonly t: number;
}

export type Line =
  | { readonly kind: "request"; readonly request: RecordedRequest }
  | { readonly kind: "connection"; readonly connection: ConnectionLine }
  /** The recording's head, what the client did, or what did not reach the mirror. */
  | { readonly kind: "other" };

/** Reads one line. Throws `RecordingError` naming `place`. */
export function parseLine(text: string, place: string): Line {
  const json = parseJson(text, place);
  if (!isObject(json)) throw new RecordingError(place, "is not a JSON object");
  if (json["via"] !== "mirror") {
    const isKnown = ["meta", "event", "via", "tokenServer", "clientError"].some((key) => key in json);
    if (!isKnown) throw new RecordingError(place, "is no line of a recording (no meta, event, via or tokenServer)");
    return { kind: "other" };
  }
  const field = new Fields(json, place);
  if ("connOpen" in json) return { kind: "connection", connection: readConnection(field, "connOpen") };
  if ("connClose" in json) return { kind: "connection", connection: readConnection(field, "connClose") };
  return "seq" in json ? { kind: "request", request: readRequest(field) } : { kind: "other" };
}

function readConnection(field: Fields, key: "connOpen" | "connClose"): ConnectionLine {
  return { opened: key === "connOpen", conn: field.number(key), t: field.number("t"), ...field.text("listener") };
}

function readRequest(field: Fields): RecordedRequest {
  return {
    seq: field.number("seq"),
    conn: field.number("conn"),
    t: field.number("t"),
    method: field.string("method"),
    url: field.string("url"),
    reqHeaders: field.headers("reqHeaders"),
    respHeaders: field.headers("respHeaders"),
    ...field.text("listener"),
    ...field.text("abortedBy"),
    ...field.optional("tHead"),
    ...field.optional("tEnd"),
    ...field.optional("status"),
    ...field.optional("respBytes"),
    ...field.flag("aborted"),
    ...field.any("body"),
  };
}

/** Typed access to the fields of a line. */
class Fields {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #place: string;

  constructor(json: Readonly<Record<string, unknown>>, place: string) {
    this.#json = json;
    this.#place = place;
  }

  number(key: string): number {
    const value = this.#json[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new RecordingError(this.#place, `"${key}" must be a number`);
  }

  string(key: string): string {
    const value = this.#json[key];
    if (typeof value === "string") return value;
    throw new RecordingError(this.#place, `"${key}" must be text`);
  }

  optional<K extends string>(key: K): Partial<Record<K, number>> {
    const record: Partial<Record<K, number>> = {};
    if (this.#has(key)) record[key] = this.number(key);
    return record;
  }

  text<K extends string>(key: K): Partial<Record<K, string>> {
    const record: Partial<Record<K, string>> = {};
    if (this.#has(key)) record[key] = this.string(key);
    return record;
  }

  flag<K extends string>(key: K): Partial<Record<K, boolean>> {
    const record: Partial<Record<K, boolean>> = {};
    if (this.#has(key)) record[key] = this.#json[key] === true;
    return record;
  }

  any<K extends string>(key: K): Partial<Record<K, unknown>> {
    const record: Partial<Record<K, unknown>> = {};
    if (this.#has(key)) record[key] = this.#json[key];
    return record;
  }

  headers(key: string): Headers {
    const value = this.#json[key] ?? {};
    if (!isObject(value)) throw new RecordingError(this.#place, `"${key}" must be an object`);
    const headers: Record<string, string> = {};
    for (const [name, header] of Object.entries(value)) {
      if (typeof header === "string") headers[name.toLowerCase()] = header;
      else if (Array.isArray(header)) headers[name.toLowerCase()] = header.join(", ");
    }
    return headers;
  }

  #has(key: string): boolean {
    return this.#json[key] !== undefined && this.#json[key] !== null;
  }
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RecordingError(place, "is not JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
