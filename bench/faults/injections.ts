import { errorAnswer, formatHead, redirectAnswer, withHeaders } from "./answer.ts";
import type { Exchange } from "./exchange.ts";

/** Does something to a request instead of answering it well. */
export type Injection = (exchange: Exchange) => void;

// Before the head.

export const resetBeforeHead: Injection = (exchange) => exchange.reset();

export const closeBeforeHead: Injection = (exchange) => exchange.end();

export const silence: Injection = () => {};

/** A byte every 100 ms: a head takes half a minute. */
export const slowHead: Injection = (exchange) => exchange.drip(Buffer.from(formatHead(exchange.answer)), 1, 100);

export const earlyHints: Injection = (exchange) => {
  exchange.write("HTTP/1.1 103 Early Hints\r\nLink: </v2/>; rel=preload\r\n\r\n");
  exchange.respond();
};

export const unexpectedContinue: Injection = (exchange) => {
  exchange.write("HTTP/1.1 100 Continue\r\n\r\n");
  exchange.respond();
};

/** 200 KiB of headers: three times what the proxy takes, and more than other clients do. */
export const giantHead: Injection = (exchange) => {
  const headers = Array.from({ length: 50 }, (_, i) => [`X-Giant-${i}`, "g".repeat(4096)] as const);
  exchange.respond({ ...exchange.answer, headers: [...headers, ...exchange.answer.headers] });
};

export const twoLengths: Injection = (exchange) => {
  const { answer } = exchange;
  const length = String(answer.body.length + 7);
  exchange.respond({ ...answer, headers: [...answer.headers, ["Content-Length", length]] });
};

export function status(code: number): Injection {
  return (exchange) => {
    exchange.respond(errorAnswer(code));
  };
}

export const redirectToItself: Injection = (exchange) => exchange.respond(redirectAnswer(exchange.request.path));

// In the body.

export const resetAfterHead: Injection = (exchange) => {
  exchange.write(formatHead(exchange.answer));
  exchange.reset();
};

export const resetInBody: Injection = (exchange) => {
  writePart(exchange);
  exchange.reset();
};

export const shortBody: Injection = (exchange) => {
  writePart(exchange);
  exchange.end();
};

export const stall: Injection = (exchange) => writePart(exchange);

/** 25 pieces, one every 40 ms: each pause is far below the time after which a body counts as stalled. */
export const trickle: Injection = (exchange) => {
  const { body } = exchange.answer;
  exchange.write(formatHead(exchange.answer));
  exchange.drip(body, Math.ceil(body.length / 25), 40);
};

/** In one piece, so that what nobody asked for arrives with the answer. */
export const longBody: Injection = (exchange) => {
  const { answer, request } = exchange;
  const body = request.method === "HEAD" ? [] : [answer.body];
  exchange.write(Buffer.concat([Buffer.from(formatHead(answer)), ...body, Buffer.from("more than the head promised")]));
};

export const lengthTooSmall: Injection = (exchange) => {
  const length = String(exchange.position);
  exchange.respond(withHeaders(exchange.answer, { "Content-Length": length }));
};

export const lengthTooLarge: Injection = (exchange) => {
  const length = String(exchange.answer.body.length + 17);
  exchange.respond(withHeaders(exchange.answer, { "Content-Length": length }));
  exchange.end();
};

export const badChunk: Injection = (exchange) => {
  writeChunk(exchange);
  exchange.write("no number\r\n");
};

export const tlsCut: Injection = (exchange) => {
  writePart(exchange);
  exchange.hangUp();
};

/** Without a length nothing but TLS' own goodbye tells a whole body from half of one. */
export const tlsCutWithoutLength: Injection = (exchange) => {
  const { answer, position } = exchange;
  const headers = answer.headers.filter(([name]) => name !== "Content-Length");
  exchange.write(formatHead({ ...answer, headers: [...headers, ["Connection", "close"]] }));
  exchange.write(answer.body.subarray(0, position));
  exchange.hangUp();
};

export const corruptByte: Injection = (exchange) => {
  const { answer, position } = exchange;
  const body = Buffer.from(answer.body);
  body[position] = (body[position] ?? 0) ^ 0xff;
  exchange.respond({ ...answer, body });
};

// Instead of the rest that a resume asks for.

export const otherOffset: Injection = (exchange) => {
  const { start, size } = rangeOf(exchange);
  const from = start > 1000 ? start - 1000 : start + 1;
  const contentRange = `bytes ${from}-${size - 1}/${size}`;
  const body = Buffer.alloc(size - from, "o");
  const replaced = { "Content-Range": contentRange, "Content-Length": String(body.length) };
  exchange.respond({ ...withHeaders(exchange.answer, replaced), body });
};

export const otherTotal: Injection = (exchange) => {
  const { start, size } = rangeOf(exchange);
  const body = Buffer.alloc(size + 1000 - start, "t");
  const contentRange = `bytes ${start}-${size + 999}/${size + 1000}`;
  const replaced = { "Content-Range": contentRange, "Content-Length": String(body.length) };
  exchange.respond({ ...withHeaders(exchange.answer, replaced), body });
};

export const wholeInstead: Injection = (exchange) => exchange.respond(exchange.whole);

/** Another content altogether, and longer. */
export const otherWholeInstead: Injection = (exchange) => {
  const body = Buffer.alloc(exchange.whole.body.length + 1000, "w");
  exchange.respond({ ...withHeaders(exchange.whole, { "Content-Length": String(body.length) }), body });
};

/** Chunks that end well, and bring less than the head's Content-Range says. */
export const endsEarly: Injection = (exchange) => {
  writeChunk(exchange);
  exchange.write("0\r\n\r\n");
};

function rangeOf({ answer }: Exchange): { start: number; size: number } {
  const value = answer.headers.find(([name]) => name === "Content-Range")?.[1] ?? "";
  const [, start = "0", size = "0"] = /^bytes (\d+)-\d+\/(\d+)$/.exec(value) ?? [];
  return { start: Number(start), size: Number(size) };
}

/** Part of the body in one chunk; none at all if the whole is one byte. */
function writeChunk(exchange: Exchange): void {
  const { answer, position } = exchange;
  const headers = answer.headers.filter(([name]) => name !== "Content-Length");
  exchange.write(formatHead({ ...answer, headers: [...headers, ["Transfer-Encoding", "chunked"]] }));
  // RFC 9112 §7.1: a chunk of no bytes would be the last one.
  if (position === 0) return;
  exchange.write(`${position.toString(16)}\r\n`);
  exchange.write(answer.body.subarray(0, position));
  exchange.write("\r\n");
}

function writePart(exchange: Exchange): void {
  exchange.write(formatHead(exchange.answer));
  exchange.write(exchange.answer.body.subarray(0, exchange.position));
}
