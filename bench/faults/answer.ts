import { STATUS_CODES } from "node:http";
import type { Resource } from "./image.ts";
import type { RequestHead } from "./request-heads.ts";

/** A response before it is written: faults change it, or what is written of it. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** What a registry without faults answers: ranges and `If-Range` as RFC 9110 §13.1.5 and §14 have them. */
export function goodAnswer({ headers }: RequestHead, { mediaType, digest, bytes }: Resource): Answer {
  const common: Answer["headers"] = [
    ["Content-Type", mediaType],
    ["Docker-Distribution-Api-Version", "registry/2.0"],
    ...(digest === undefined
      ? []
      : ([
          ["Docker-Content-Digest", digest],
          ["ETag", `"${digest}"`],
          ["Accept-Ranges", "bytes"],
        ] as const)),
  ];
  const range = isCurrent(headers.get("if-range"), digest) ? readRange(headers.get("range"), bytes.length) : undefined;
  if (range === undefined) return { status: 200, headers: [...common, lengthOf(bytes)], body: bytes };
  const { start, end } = range;
  if (start >= bytes.length) {
    const none = Buffer.alloc(0);
    return {
      status: 416,
      headers: [...common, ["Content-Range", `bytes */${bytes.length}`], lengthOf(none)],
      body: none,
    };
  }
  const part = bytes.subarray(start, end + 1);
  const contentRange = ["Content-Range", `bytes ${start}-${end}/${bytes.length}`] as const;
  return { status: 206, headers: [...common, contentRange, lengthOf(part)], body: part };
}

/** A registry's own error. */
export function errorAnswer(status: number): Answer {
  const body = Buffer.from(JSON.stringify({ errors: [{ code: "FAULT", message: `fault ${status}` }] }));
  return { status, headers: [["Content-Type", "application/json"], lengthOf(body)], body };
}

export function redirectAnswer(location: string): Answer {
  return {
    status: 307,
    headers: [
      ["Location", location],
      ["Content-Length", "0"],
    ],
    body: Buffer.alloc(0),
  };
}

/** The answer with some of its headers replaced. */
export function withHeaders(answer: Answer, replaced: Readonly<Record<string, string>>): Answer {
  const headers = answer.headers.map(([name, value]) => [name, replaced[name] ?? value] as const);
  return { ...answer, headers };
}

export function formatHead({ status, headers }: Answer): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`;
}

function lengthOf(body: Buffer): readonly [string, string] {
  return ["Content-Length", String(body.length)];
}

function isCurrent(ifRange: string | undefined, digest: string | undefined): boolean {
  return ifRange === undefined || ifRange === `"${digest}"`;
}

function readRange(range: string | undefined, length: number): { start: number; end: number } | undefined {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (start === undefined) return undefined;
  return { start: Number(start), end: Math.min(end === "" ? Number.POSITIVE_INFINITY : Number(end), length - 1) };
}
