import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { parseManifest } from "../../src/oci/manifest.ts";
import { sha256 } from "../../test/support/clients/image.ts";
import { REPOSITORY, TAG } from "./image.ts";
import type { Phase } from "./phases.ts";
import type { Seen } from "./seen.ts";

export interface StrictPull {
  /** The proxy's shared listener. */
  readonly origin: string;
  /** Named in `ns`. */
  readonly registry: string;
  /** Address on loopback to connect from: to the proxy each is another client. */
  readonly localAddress: string;
  /** Ends the pull from outside, as a client that goes away does. */
  readonly signal?: AbortSignal;
}

/** containerd waits 30 s for the head of an answer. */
const HEAD_TIMEOUT_MS = 30_000;
/** Beyond what the proxy's stall and budget make of any body here. */
const BODY_TIMEOUT_MS = 45_000;

/** A fault that the client noticed. */
class Noticed extends Error {
  readonly seen: Seen;
  constructor(seen: Seen) {
    super(seen.kind);
    this.seen = seen;
  }
}

/**
 * Pulls one image: ping, HEAD, manifest by digest, config, layers, one after the other over one connection.
 * It asks once for everything and forgives nothing: no retry, no resume, every digest and length is checked.
 */
export async function pullStrictly(pull: StrictPull): Promise<Seen> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = new StrictClient(pull, agent);
  try {
    await client.pull();
    return { kind: "ok" };
  } catch (error) {
    if (error instanceof Noticed) return error.seen;
    throw error;
  } finally {
    agent.destroy();
  }
}

interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

class StrictClient {
  readonly #pull: StrictPull;
  readonly #agent: Agent;

  constructor(pull: StrictPull, agent: Agent) {
    this.#pull = pull;
    this.#agent = agent;
  }

  async pull(): Promise<void> {
    await this.#ask("ping", "GET", "/v2/");
    const { headers } = await this.#ask("resolve", "HEAD", `/v2/${REPOSITORY}/manifests/${TAG}`);
    const digest = String(headers["docker-content-digest"]);
    const { body } = await this.#ask("manifest", "GET", `/v2/${REPOSITORY}/manifests/${digest}`);
    // RFC 9110 §9.3.2: a HEAD may leave the length out.
    check("manifest", body, { digest, size: Number(headers["content-length"] ?? body.length) });
    const manifest = parseManifest(body.toString());
    if (manifest?.kind !== "manifest") throw new Noticed({ kind: "wrong bytes", phase: "manifest" });
    await this.#fetch("config", manifest.config);
    for (const layer of manifest.layers) await this.#fetch("layer", layer);
  }

  async #fetch(phase: Phase, blob: { readonly digest: string; readonly size: number }): Promise<void> {
    const { body } = await this.#ask(phase, "GET", `/v2/${REPOSITORY}/blobs/${blob.digest}`);
    check(phase, body, blob);
  }

  /** Rejects with Noticed for whatever is not a whole 200. */
  async #ask(phase: Phase, method: "GET" | "HEAD", path: string): Promise<Reply> {
    const headTimeout = new AbortController();
    const timer = setTimeout(() => headTimeout.abort(), HEAD_TIMEOUT_MS);
    const bodyTimeout = AbortSignal.timeout(BODY_TIMEOUT_MS);
    const { signal } = this.#pull;
    const signals = [headTimeout.signal, bodyTimeout, ...(signal ? [signal] : [])];
    try {
      const incoming = await this.#send(method, path, AbortSignal.any(signals));
      clearTimeout(timer);
      const body = await readBody(incoming);
      const status = incoming.statusCode ?? 0;
      if (status !== 200) throw new Noticed({ kind: "status", phase, status });
      return { headers: incoming.headers, body };
    } catch (error) {
      if (error instanceof Noticed) throw error;
      throw new Noticed({ kind: headTimeout.signal.aborted || bodyTimeout.aborted ? "hang" : "cut", phase });
    } finally {
      clearTimeout(timer);
    }
  }

  #send(method: "GET" | "HEAD", path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { origin, registry, localAddress } = this.#pull;
    const headers = { "User-Agent": "pullmeter-demo/0.1", Accept: "*/*" };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${origin}${path}?ns=${registry}`,
        { method, headers, agent: this.#agent, localAddress, signal },
        resolve,
      );
      outgoing.on("error", reject).end();
    });
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function check(phase: Phase, body: Buffer, { digest, size }: { readonly digest: string; readonly size: number }): void {
  if (body.length !== size || sha256(body) !== digest) throw new Noticed({ kind: "wrong bytes", phase });
}
