import { once } from "node:events";
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { nowMs } from "./clock.ts";
import type { FaultPlan, Treatment } from "./faults.ts";

/** One request as it reached the registry's side. Times as `nowMs`. */
export interface Recorded {
  readonly registry: string;
  readonly startMs: number;
  readonly method: string;
  readonly url: string;
  readonly fault?: string;
  status?: number;
  bytes: number;
  /** Just before the last bytes were written; the head, where there is no body. */
  lastByteMs: number;
  endMs?: number;
  /** The proxy went away before the response was whole. */
  aborted?: boolean;
}

/**
 * Stands at the registry's door: writes down every request that arrives there, and lets the network and the registry
 * behave as the fault plan says. It shares no code with the proxy under test.
 */
export class Recorder {
  readonly log: Recorded[] = [];
  readonly #faults: FaultPlan;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #servers: Server[] = [];

  constructor(faults: FaultPlan) {
    this.#faults = faults;
  }

  /** Opens a door for `registry`; returns its origin. */
  async open(registry: string, origin: URL): Promise<URL> {
    const server = createServer((incoming, answer) => {
      this.#serve(registry, origin, incoming, answer).catch((error: unknown) => answer.destroy(error as Error));
    });
    // Closing idle connections is the proxy's business; a race at this end would look like a fault.
    server.keepAliveTimeout = 120_000;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  }

  async #serve(registry: string, origin: URL, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = "", url = "" } = incoming;
    const treatment = this.#faults.treat(method, new URL(url, origin).pathname);
    const fault = faultName(treatment);
    const recorded: Recorded = {
      registry,
      startMs: nowMs(),
      method,
      url,
      bytes: 0,
      lastByteMs: nowMs(),
      ...(fault === undefined ? {} : { fault }),
    };
    this.log.push(recorded);
    answer.once("close", () => {
      recorded.endMs = nowMs();
      if (!answer.writableFinished && treatment.cutAt === undefined) recorded.aborted = true;
    });
    await delay(treatment.delayMs);
    if (answer.destroyed) return;
    if (treatment.status === undefined) await this.#forward(origin, treatment, { incoming, answer, recorded });
    else refuse(answer, treatment, recorded);
  }

  async #forward(origin: URL, treatment: Treatment, exchange: Exchange): Promise<void> {
    const { incoming, answer, recorded } = exchange;
    const upstream = request(new URL(incoming.url ?? "", origin), {
      method: incoming.method,
      headers: { ...incoming.headers, host: origin.host },
      agent: this.#agent,
    });
    answer.once("close", () => upstream.destroy());
    upstream.end();
    const [response] = (await once(upstream, "response")) as [IncomingMessage];
    recorded.status = response.statusCode ?? 0;
    recorded.lastByteMs = nowMs();
    answer.writeHead(recorded.status, response.rawHeaders);
    if (incoming.method === "HEAD") response.resume();
    else await relayBody(response, treatment, exchange);
    answer.end();
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
  readonly recorded: Recorded;
}

/** Below a timer's resolution a pause only costs CPU: bytes are sent in slices of at least this many milliseconds. */
const SLICE_MS = 10;

async function relayBody(
  response: IncomingMessage,
  treatment: Treatment,
  { incoming, answer, recorded }: Exchange,
): Promise<void> {
  const length = Number(response.headers["content-length"] ?? 0);
  const cutAfter = treatment.cutAt === undefined ? Infinity : Math.floor(length * treatment.cutAt);
  const startMs = nowMs();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (answer.destroyed) return;
    const allowed = chunk.subarray(0, Math.max(0, cutAfter - recorded.bytes));
    recorded.bytes += allowed.length;
    recorded.lastByteMs = nowMs();
    await written(answer, allowed);
    if (recorded.bytes >= cutAfter) {
      // Node.js 24 may leave the connection open after `answer.destroy()`.
      incoming.socket.destroy();
      return;
    }
    const aheadMs = startMs + recorded.bytes / treatment.bytesPerMs - nowMs();
    if (aheadMs > SLICE_MS) await delay(aheadMs);
  }
}

/** Resolves when the system has taken the bytes, or the proxy went away. */
function written(answer: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      answer.off("close", done);
      resolve();
    };
    answer.once("close", done).write(bytes, done);
  });
}

function refuse(answer: ServerResponse, treatment: Treatment, recorded: Recorded): void {
  recorded.status = treatment.status ?? 500;
  const code = recorded.status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  const body = JSON.stringify({ errors: [{ code, message: "injected by the truth bench" }] });
  recorded.bytes = body.length;
  recorded.lastByteMs = nowMs();
  if (treatment.retryAfterSeconds !== undefined) answer.setHeader("retry-after", treatment.retryAfterSeconds);
  answer.writeHead(recorded.status, { "content-type": "application/json", "content-length": body.length });
  answer.end(answer.req.method === "HEAD" ? undefined : body);
}

function faultName({ status, cutAt, delayMs }: Treatment): string | undefined {
  if (status !== undefined) return `status${status}`;
  if (cutAt !== undefined) return "cut";
  return delayMs >= 1000 ? "slow" : undefined;
}
