import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What wrk tells after a run. */
export interface WrkReport {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Errors of sockets, and answers that are neither 2xx nor 3xx. */
  readonly failed: number;
}

export async function runWrk(options: {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<WrkReport> {
  const headers = Object.entries(options.headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
  const load = ["--threads", "1", "--connections", String(options.connections), "--duration", `${options.seconds}s`];
  const { stdout } = await promisify(execFile)("wrk", [...load, "--latency", ...headers, options.url]);
  return parseWrk(stdout);
}

/** Reads wrk's report. Throws if a line is missing: a rate of nothing is no result. */
export function parseWrk(text: string): WrkReport {
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  return {
    requests: Number(find(text, /(\d+) requests in /)),
    requestsPerSecond: Number(find(text, /Requests\/sec: +([\d.]+)/)),
    p50Us: toMicroseconds(find(text, /^ +50% +(\S+) *$/m)),
    p99Us: toMicroseconds(find(text, /^ +99% +(\S+) *$/m)),
    failed: [...errors, statuses].reduce((sum, count) => sum + Number(count), 0),
  };
}

function find(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`wrk printed no ${pattern.source}:\n${text}`);
  return found;
}

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 60e6 };

function toMicroseconds(text: string): number {
  const [, number, unit = ""] = /^([\d.]+)([a-z]+)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`wrk printed "${text}" for a time`);
  return Math.round(Number(number) * factor);
}
