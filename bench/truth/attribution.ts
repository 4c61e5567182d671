import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { MessageHead } from "./http-framing.ts";
import type { Attribution } from "./tap.ts";

/** One process is one pull (podman): the peer's port leads to a socket, the socket to the process that holds it. */
export class ByProcess implements Attribution {
  readonly #running = new Map<number, number>();

  /** `pull` is made by process `pid`, until `ended`. */
  started(pid: number, pull: number): void {
    this.#running.set(pid, pull);
  }

  ended(pid: number): void {
    this.#running.delete(pid);
  }

  ofConnection(peerPort: number): number | undefined {
    // The table is no snapshot: a line can be missed while connections come and go.
    for (let attempt = 0; attempt < LOOKUPS; attempt += 1) {
      const inode = inodeOfLocalPort(peerPort);
      const holder = inode && [...this.#running].find(([pid]) => holdsSocket(pid, inode));
      if (holder) return holder[1];
    }
    return undefined;
  }
}

/** Each takes about a millisecond; one is nearly always enough. */
const LOOKUPS = 5;

/**
 * The caller of containerd 2.x gives each pull its own trace id, and containerd hands it on with every request.
 * Without `keep` the header is taken off before the proxy can see it.
 */
export class ByTraceparent implements Attribution {
  readonly #keep: boolean;

  constructor(options: { keep: boolean }) {
    this.#keep = options.keep;
  }

  ofRequest(head: MessageHead): { pull: number | undefined; forward: MessageHead } {
    const sent = head.headers.find(([name]) => name.toLowerCase() === "traceparent")?.[1];
    const headers = this.#keep
      ? head.headers
      : head.headers.filter(([name]) => !/^(traceparent|tracestate|baggage)$/i.test(name));
    return { pull: sent === undefined ? undefined : pullOfTraceparent(sent), forward: { ...head, headers } };
  }
}

/** containerd 1.6 sends no trace: each pull has its own name for the registry, which is put right on the way. */
export class ByRegistryName implements Attribution {
  ofRequest(head: MessageHead): { pull: number | undefined; forward: MessageHead } {
    const [method = "", target = "", protocol = ""] = head.startLine.split(" ");
    const url = new URL(target, "http://tap.invalid");
    const { pull, host } = splitAlias(url.searchParams.get("ns") ?? "");
    if (pull === undefined) return { pull, forward: head };
    url.searchParams.set("ns", host);
    return { pull, forward: { ...head, startLine: `${method} ${url.pathname}${url.search} ${protocol}` } };
  }
}

// https://www.w3.org/TR/trace-context/#traceparent-header. Not sampled: containerd then passes it on and records nothing.
export function traceparentOf(pull: number): string {
  const id = pull.toString(16);
  return `00-${TRACE_MARK}${id.padStart(32 - TRACE_MARK.length, "0")}-${id.padStart(16, "0")}-00`;
}

/** Tells our trace ids from those that containerd invents for its own work. */
const TRACE_MARK = "7075116d";

function pullOfTraceparent(value: string): number | undefined {
  const traceId = value.split("-")[1] ?? "";
  return traceId.startsWith(TRACE_MARK) ? Number.parseInt(traceId.slice(TRACE_MARK.length), 16) : undefined;
}

export function aliasOf(pull: number, host: string): string {
  return `p${pull}.${host}`;
}

function splitAlias(name: string): { pull: number | undefined; host: string } {
  const [, pull, host = name] = /^p(\d+)\.(.+)$/.exec(name) ?? [];
  return { pull: pull === undefined ? undefined : Number(pull), host };
}

// https://docs.kernel.org/networking/proc_net_tcp.html: field 1 local address, field 9 inode.
function inodeOfLocalPort(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[9] !== "0") return fields[9];
    }
  }
  return undefined;
}

function holdsSocket(pid: number, inode: string): boolean {
  const target = `socket:[${inode}]`;
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => linkOf(`/proc/${pid}/fd/${descriptor}`) === target);
  } catch {
    return false; // the process ended meanwhile
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the descriptor was closed meanwhile
  }
}
