import type { Cause } from "../../src/pull/outcome.ts";
import * as inject from "./injections.ts";
import type { Injection } from "./injections.ts";
import { isHeld, PHASES, REPEATS, type Phase, type Repeat } from "./phases.ts";

/** What must come of a fault. Told by what the fault is, never by what was seen. */
export type Rule =
  /** The client notices nothing, however often it happens. */
  | "harmless"
  /** It passes: the client notices nothing if it happens once or twice, and is told if it never ends. */
  | "passing"
  /** Asking again would be wrong, or cannot help: the client may be told at once. */
  | "final"
  /** It is what the registry says: the client gets it as it is. */
  | "answered"
  /** A whole answer with other bytes: the client's hash tells. */
  | "wrong bytes";

/** Where and how a fault happens. */
export type Place =
  /** The name resolves to another address, or not at all: an error code. */
  | { readonly at: "name"; readonly resolvesTo: string }
  /** The connection is accepted with another certificate, or for another protocol. */
  | { readonly at: "accept"; readonly offers: "expired" | "untrusted" | "h2" }
  | { readonly at: "answer"; readonly inject: Injection }
  /** A body is cut in the middle, and the answer to its resume is at fault. */
  | { readonly at: "resume"; readonly cut: Injection; readonly inject: Injection };

export interface Fault {
  readonly name: string;
  readonly place: Place;
  readonly rule: Rule | ((phase: Phase) => Rule);
  /** Of a pull that fails by it. `none`: the proxy cannot know. */
  readonly cause: Cause | ((phase: Phase) => Cause);
  /** A client that is cut off may ask for the rest by itself: it gets the registry's answer, and one of these is observed. */
  readonly causesOfOwnResume?: readonly Cause[];
  readonly phases: readonly Phase[];
  readonly repeats: readonly Repeat[];
  /** The registry redirects, and the fault is where it leads. */
  readonly behindRedirect?: true;
  /** Happens only with TLS. */
  readonly needsTls?: true;
  /** The client has the head of the answer when it happens, unless the proxy holds it. */
  readonly inBody?: true;
  /** Status of the registry's own answer. */
  readonly status?: number;
}

const BODIES: readonly Phase[] = ["ping", "manifest", "config", "layer"];
/** What the client can check by a digest. */
const CHECKED: readonly Phase[] = ["manifest", "config", "layer"];
const BLOBS: readonly Phase[] = ["config", "layer"];
/** The ping's redirects go to the client, who is to know who asks for credentials. */
const REDIRECTED: readonly Phase[] = ["resolve", "manifest", "config", "layer"];
/** For what does not pass: twice tells no more than once. */
const NOW_OR_ALWAYS: readonly Repeat[] = ["once", "always"];

// 127.0.0.2 is this machine as well, but nobody listens there.
const NOBODY = "127.0.0.2";

function beforeHead(name: string, cause: Cause, place: Place): Fault {
  return { name, place, rule: "passing", cause, phases: PHASES, repeats: REPEATS };
}

function inBody(name: string, cause: Cause, injection: Injection): Fault {
  const place = { at: "answer", inject: injection } as const;
  return { name, place, rule: "passing", cause, phases: BODIES, repeats: REPEATS, inBody: true };
}

function onResume(name: string, cause: Cause, injection: Injection, cut = inject.resetInBody): Fault {
  return { ...inBody(name, cause, injection), place: { at: "resume", cut, inject: injection }, phases: BLOBS };
}

function answered(status: number, cause: Cause): Fault {
  return { ...beforeHead(String(status), cause, answering(inject.status(status))), rule: "answered", status };
}

function unavailable(status: number): Fault {
  return { ...answered(status, "upstream_5xx"), rule: "passing" };
}

function answering(injection: Injection): Place {
  return { at: "answer", inject: injection };
}

/** A manifest is compared with its digest while it can still be asked for again; of a blob the client finds out. */
function ruleOfWrongBytes(phase: Phase): Rule {
  return phase === "manifest" ? "passing" : "wrong bytes";
}

/** Manifests by digest are checked by the proxy; the bytes of blobs by their client alone. */
function causeOfWrongBytes(phase: Phase): Cause {
  return phase === "manifest" ? "digest_mismatch" : "none";
}

const CONNECTING: readonly Fault[] = [
  beforeHead("connection refused", "connect", { at: "name", resolvesTo: NOBODY }),
  beforeHead("DNS server fails", "dns", { at: "name", resolvesTo: "EAI_AGAIN" }),
  beforeHead("NXDOMAIN", "dns", { at: "name", resolvesTo: "ENOTFOUND" }),
  ...(["expired", "untrusted"] as const).map((offers): Fault => ({
    ...beforeHead(`${offers} certificate`, "tls", { at: "accept", offers }),
    rule: "final",
    repeats: NOW_OR_ALWAYS,
    needsTls: true,
  })),
  {
    ...beforeHead("HTTP/2 only", "tls", { at: "accept", offers: "h2" }),
    rule: "final",
    repeats: NOW_OR_ALWAYS,
    needsTls: true,
  },
];

const BEFORE_HEAD: readonly Fault[] = [
  beforeHead("reset before the head", "truncated", answering(inject.resetBeforeHead)),
  beforeHead("closed before the head", "truncated", answering(inject.closeBeforeHead)),
  beforeHead("no head", "header_timeout", answering(inject.silence)),
  beforeHead("head byte by byte", "header_timeout", answering(inject.slowHead)),
  { ...beforeHead("103 before the head", "none", answering(inject.earlyHints)), rule: "harmless" },
  beforeHead("100 before the head", "truncated", answering(inject.unexpectedContinue)),
  beforeHead("giant head", "truncated", answering(inject.giantHead)),
  beforeHead("two Content-Lengths", "truncated", answering(inject.twoLengths)),
];

const STATUSES: readonly Fault[] = [
  answered(401, "unauthorized"),
  answered(403, "denied"),
  answered(404, "not_found"),
  answered(429, "rate_limited"),
  answered(500, "upstream_5xx"),
  unavailable(502),
  unavailable(503),
  unavailable(504),
];

const IN_BODY: readonly Fault[] = [
  inBody("reset after the head", "truncated", inject.resetAfterHead),
  inBody("reset at byte k", "truncated", inject.resetInBody),
  inBody("stall at byte k", "stalled", inject.stall),
  { ...inBody("trickle", "none", inject.trickle), rule: "harmless" },
  inBody("short body", "truncated", inject.shortBody),
  { ...inBody("long body", "truncated", inject.longBody), rule: "harmless", phases: PHASES },
  {
    ...inBody("Content-Length too small", "none", inject.lengthTooSmall),
    rule: ruleOfWrongBytes,
    cause: causeOfWrongBytes,
    phases: CHECKED,
  },
  {
    ...inBody("Content-Length too large", "truncated", inject.lengthTooLarge),
    // The client has been told the wrong length of a blob: its body can never be whole.
    rule: (phase) => (isHeld(phase) ? "passing" : "final"),
  },
  inBody("bad chunk", "truncated", inject.badChunk),
  { ...inBody("TLS cut", "truncated", inject.tlsCut), needsTls: true },
  {
    ...inBody("TLS cut, no Content-Length", "truncated", inject.tlsCutWithoutLength),
    phases: CHECKED,
    needsTls: true,
  },
  {
    ...inBody("corrupted byte", "none", inject.corruptByte),
    rule: ruleOfWrongBytes,
    cause: causeOfWrongBytes,
    phases: CHECKED,
  },
];

const ON_RESUME: readonly Fault[] = [
  {
    ...onResume("206 from another offset", "truncated", inject.otherOffset),
    // It leaves at the sight of the head, or takes the whole and finds out.
    causesOfOwnResume: ["client_aborted", "none"],
  },
  onResume("206 of another total", "truncated", inject.otherTotal),
  onResume("206 in chunks, ends early", "truncated", inject.endsEarly),
  // The first head told no length: only the second one's Content-Range tells that bytes are missing.
  onResume("206 after chunks, ends early", "truncated", inject.endsEarly, inject.badChunk),
  { ...onResume("200 to a Range", "truncated", inject.wholeInstead), rule: "harmless" },
  onResume("200 to a Range, other content", "truncated", inject.otherWholeInstead),
];

const REDIRECTS: readonly Fault[] = [
  {
    ...beforeHead("307 to itself", "proxy", answering(inject.redirectToItself)),
    rule: "final",
    phases: REDIRECTED,
    repeats: NOW_OR_ALWAYS,
  },
  {
    ...beforeHead("307 to a dead host", "connect", { at: "name", resolvesTo: NOBODY }),
    phases: REDIRECTED,
    behindRedirect: true,
  },
  { ...answered(403, "denied"), name: "307, signature expired", phases: REDIRECTED, behindRedirect: true },
  {
    ...onResume("307, signature expires in the body", "truncated", inject.status(403)),
    causesOfOwnResume: ["denied"],
    behindRedirect: true,
  },
];

/** Every fault: the rows of the matrix. */
export const FAULTS: readonly Fault[] = [
  ...CONNECTING,
  ...BEFORE_HEAD,
  ...STATUSES,
  ...IN_BODY,
  ...ON_RESUME,
  ...REDIRECTS,
];
