import type { RefusalReason } from "../../src/pull/transfer-event.ts";

/** One thing that somebody hostile could send, and what must come of it. */
export interface HostileInput {
  /** A sentence fragment; with the group it names the input. */
  readonly name: string;
  /** What a client writes, in ISO-8859-1, with the words below replaced. */
  readonly sends: string;
  /** Listener. `own`: of registry.test alone. Default: shared. */
  readonly to?: "shared" | "own" | "push" | "relay";
  /** closed: the default rules (default). open: with `allowRegistries: ["*"]`, so that the guard alone stands. */
  readonly rules?: "closed" | "open";
  /** What a registry answers that is asked for this input's repository; absent: none may be asked. */
  readonly upstream?: UpstreamAnswer;
  /** A registry of this input alone, and the challenge with which it answers a ping. */
  readonly registry?: { readonly name: string; readonly challenge: string };
  readonly must: Must;
}

export interface UpstreamAnswer {
  /** ISO-8859-1, with the words below replaced. */
  readonly bytes: string | Buffer;
  /** The registry closes the connection behind it. */
  readonly closes?: boolean;
}

export interface Must {
  /** Of the one response; `cut`: there is none. */
  readonly status: number | "cut";
  /** Counted in pullmeter_refused_total, once; nothing else is counted there. */
  readonly refused?: RefusalReason;
  /** The body, to the byte. */
  readonly body?: string | Buffer;
  /** Lower-case names of headers that the response must not have. */
  readonly lacks?: readonly string[];
  /** Text that must be nowhere: not in logs, metrics, pages, traces, nor in what the proxy itself answers. */
  readonly hides?: string;
}

export interface Group {
  readonly title: string;
  /** What attack this is, and who did not withstand it. */
  readonly about: string;
  readonly inputs: readonly HostileInput[];
}

/**
 * Words in `sends` and `upstream`: the port of the canary, on which nobody may ever connect; the ports of the registry
 * and of a second one on the same host; the name of a repository that only this input asks for.
 */
export type Words = Readonly<Record<"CANARY" | "REGISTRY" | "SECOND" | "REPO", string>>;

export function fillIn(text: string, words: Words): string {
  return text.replaceAll(/\b(?:CANARY|REGISTRY|SECOND|REPO)\b/g, (word) => words[word as keyof Words]);
}

export const DIGEST = `sha256:${"d".repeat(64)}`;

/** A request without a body. */
export function request(line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: h", ...headers, "", ""].join("\r\n");
}

/** The request for a manifest that only this input asks for, and for which the registry answers as the input says. */
export const ASK = request("GET /v2/REPO/manifests/x?ns=registry.test");

/** The same for what is no pull, and goes another way. */
export const ASK_TAGS = request("GET /v2/REPO/tags/list?ns=registry.test");
export const ASK_BLOB = request(`GET /v2/REPO/blobs/sha256:${"a".repeat(64)}?ns=registry.test`);

export function answer(lines: readonly string[], body = ""): UpstreamAnswer {
  return { bytes: `${lines.join("\r\n")}\r\n\r\n${body}` };
}

export function redirect(location: string, status = "307 Temporary Redirect"): UpstreamAnswer {
  return answer([`HTTP/1.1 ${status}`, `Location: ${location}`, "Content-Length: 0"]);
}
