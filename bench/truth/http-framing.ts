/** Head of a request or response as it stands on the wire. */
export interface MessageHead {
  readonly startLine: string;
  /** Name as sent, value trimmed; in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What follows a head. RFC 9112 §6.3. */
type Framing =
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

export interface MessageListener {
  /** Called at each head; the answer tells whether a body can follow. */
  onHead(head: MessageHead): { readonly bodyless: boolean };
  /** Bytes of the body, transfer coding taken off. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const END_OF_LINE = Buffer.from("\r\n");

/**
 * Follows one direction of an HTTP/1.1 connection from the side and tells where messages begin and end. It changes
 * nothing and never answers: whoever relays the bytes does so before asking what they were.
 */
export class MessageReader {
  readonly #listener: MessageListener;
  #pending: Buffer = Buffer.alloc(0);
  #framing: Framing | undefined;

  constructor(listener: MessageListener) {
    this.#listener = listener;
  }

  push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length > 0 && this.#step());
  }

  /** The stream is over: a body framed by the end of the connection is whole now. */
  end(): void {
    if (this.#framing?.kind === "until-close") this.#finish();
  }

  /** False when more bytes are needed. */
  #step(): boolean {
    if (this.#framing === undefined) return this.#readHead();
    if (this.#framing.kind === "chunked") return this.#readChunk();
    if (this.#framing.kind === "until-close") this.#body(this.#pending.length);
    else {
      const taken = Math.min(this.#framing.left, this.#pending.length);
      this.#framing.left -= taken;
      this.#body(taken);
      if (this.#framing.left === 0) this.#finish();
    }
    return true;
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(END_OF_HEAD);
    if (end === -1) return false;
    const head = parseHead(this.#pending.subarray(0, end).toString("latin1"));
    this.#pending = this.#pending.subarray(end + END_OF_HEAD.length);
    const { bodyless } = this.#listener.onHead(head);
    // An interim response (100 to 199) is followed by another head; RFC 9110 §15.2.
    if (/^HTTP\/1\.1 1\d\d/.test(head.startLine)) return true;
    this.#framing = bodyless ? { kind: "length", left: 0 } : framingOf(head);
    if (this.#framing.kind === "length" && this.#framing.left === 0) this.#finish();
    return true;
  }

  // RFC 9112 §7.1; trailers are not expected and would be read as a zero-length line each.
  #readChunk(): boolean {
    const lineEnd = this.#pending.indexOf(END_OF_LINE);
    if (lineEnd === -1) return false;
    const size = Number.parseInt(this.#pending.subarray(0, lineEnd).toString("latin1"), 16);
    const chunkEnd = lineEnd + END_OF_LINE.length + size + END_OF_LINE.length;
    if (this.#pending.length < chunkEnd) return false;
    const chunk = this.#pending.subarray(lineEnd + END_OF_LINE.length, chunkEnd - END_OF_LINE.length);
    this.#pending = this.#pending.subarray(chunkEnd);
    if (size === 0) this.#finish();
    else this.#listener.onBody(chunk);
    return true;
  }

  #body(length: number): void {
    const bytes = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    if (length > 0) this.#listener.onBody(bytes);
  }

  #finish(): void {
    this.#framing = undefined;
    this.#listener.onEnd();
  }
}

export function headerOf(head: MessageHead, name: string): string | undefined {
  return head.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];
}

export function formatHead({ startLine, headers }: MessageHead): Buffer {
  return Buffer.from(
    [startLine, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n"),
    "latin1",
  );
}

function parseHead(text: string): MessageHead {
  const [startLine = "", ...lines] = text.split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return { startLine, headers };
}

function framingOf(head: MessageHead): Framing {
  if (/\bchunked\b/i.test(headerOf(head, "transfer-encoding") ?? "")) return { kind: "chunked" };
  const length = headerOf(head, "content-length");
  if (length !== undefined) return { kind: "length", left: Number(length) };
  return head.startLine.startsWith("HTTP/") ? { kind: "until-close" } : { kind: "length", left: 0 };
}
