import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { finished } from "node:stream";
import type { Observer } from "../pull/transfer-event.ts";
import type { UpstreamBody, UpstreamResponse } from "../upstream/exchange.ts";
import type { HeaderNames, RawHeaders } from "../upstream/raw-headers.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import { describeOutcome, toUpstreamError, UpstreamError } from "../upstream/upstream-error.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { forwardPushHeaders } from "./headers.ts";
import { throughProxy, type Target } from "./resolve-registry.ts";
import { watchSilentBody } from "./silent-body.ts";
import type { Transfer } from "./transfer.ts";

export interface PassthroughOptions {
  readonly client: UpstreamClient;
  readonly observe: Observer;
  readonly now: () => number;
  readonly takenHeaders: HeaderNames;
  /** From the end of the request to the response's head; an upload may take as long as it takes. */
  readonly headTimeoutMs: number;
  readonly stallTimeoutMs: number;
  /** Without a byte of the request's body from the client. */
  readonly clientBodyTimeoutMs: number;
}

export interface PassthroughRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly transfer: Transfer;
  readonly target: Target;
  readonly upstream: Upstream;
}

/** Forwards what is no pull: listings, referrers, pushes. Bodies stream both ways; redirects go to the client. */
export class Passthrough {
  readonly #options: PassthroughOptions;

  constructor(options: PassthroughOptions) {
    this.#options = options;
  }

  /** Resolves with the response's head. Rejects with an UpstreamError. */
  async fetch(forwarded: PassthroughRequest): Promise<UpstreamResponse> {
    const { transfer, target, upstream } = forwarded;
    const { observe, now, stallTimeoutMs } = this.#options;
    const { host } = upstream.origin;
    const startedMs = now();
    const report = (outcome: number | UpstreamError): void => {
      const atMs = now();
      const { registry } = upstream;
      const headMs = atMs - startedMs;
      observe({
        type: "upstream-exchanged",
        atMs,
        transfer: transfer.id,
        registry,
        host,
        ...describeOutcome(outcome),
        headMs,
      });
    };
    try {
      const response = await this.#send(forwarded);
      const status = response.statusCode ?? 0;
      report(status);
      const headers = leadThroughProxy(response.rawHeaders, upstream.origin, target);
      const isHead = forwarded.request.method === "HEAD";
      const body = new IncomingBody(response, { host, stallTimeoutMs, isHead });
      return { status, statusText: response.statusMessage ?? "", headers, host, body };
    } catch (error) {
      const failure = toUpstreamError(error, host);
      report(failure);
      throw failure;
    }
  }

  async #send({ request, response, transfer, target, upstream }: PassthroughRequest): Promise<IncomingMessage> {
    const { client, clientBodyTimeoutMs, headTimeoutMs, now, observe, takenHeaders } = this.#options;
    // Most proxies never need it. By its default: bundled, a CommonJS package that is loaded later has no other export.
    const { createProxyServer } = (await import("http-proxy")).default;
    if (transfer.signal.aborted) throw transfer.signal.reason;
    request.headers = groupHeaders(forwardPushHeaders(request.rawHeaders, takenHeaders));
    request.url = target.path;
    watchSilentBody({ request, response }, clientBodyTimeoutMs, () => {
      observe({ type: "refused", atMs: now(), listener: transfer.listener.name, reason: "body_timeout" });
      transfer.fail("client_aborted");
      // The registry may have answered before it had everything: then there is no transfer to fail any more.
      request.socket.destroy();
    });
    // `selfHandleResponse`: http-proxy would fold headers; they go the way of all others instead.
    // `toProxy`: the path goes on byte for byte instead of being parsed and printed again.
    const proxy = createProxyServer({ selfHandleResponse: true, toProxy: true, changeOrigin: true });
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let outgoing: ClientRequest | undefined;
      let failed = false;
      let answered: IncomingMessage | undefined;
      const fail = (error: Error): void => {
        failed = true;
        clearTimeout(timer);
        // Not by the request alone: that would drop what the response holds, and then end it as if it were whole.
        answered?.destroy(error);
        outgoing?.destroy();
        reject(error);
      };
      // Bytes behind a whole response spoil the connection, which Node.js has closed, but not the response.
      const onError = (error: Error): void => {
        if (answered?.complete !== true) fail(error);
      };
      const onTimeout = (): void => {
        fail(new UpstreamError("header_timeout", `${upstream.origin.host}: no response in time`));
      };
      request.once("end", () => {
        timer = setTimeout(onTimeout, headTimeoutMs);
      });
      transfer.signal.addEventListener("abort", () => fail(toUpstreamError(transfer.signal.reason, "")));
      proxy.once("proxyReq", (made) => {
        outgoing = made;
        if (failed) made.destroy();
        // A connection that ended without a response is no error to Node.js when it was asked to switch protocols.
        made.once("close", () => {
          if (answered === undefined) fail(new UpstreamError("truncated", `${upstream.origin.host}: no response`));
        });
      });
      proxy.once("proxyRes", (answer) => {
        clearTimeout(timer);
        answered = answer;
        resolve(answer);
      });
      proxy.web(request, response, { target: upstream.origin, agent: client.agentFor(upstream) }, onError);
    });
  }
}

/** Header lines by name, as Node.js wants them for a request; the case of names and the order of values stay. */
function groupHeaders(headers: RawHeaders): IncomingHttpHeaders {
  const grouped = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i]?.toLowerCase() ?? "";
    // http-proxy looks for this one by its lower-case name.
    const name = key === "content-length" ? key : (headers[i] ?? "");
    const group = grouped.get(key) ?? { name, values: [] };
    group.values.push(headers[i + 1] ?? "");
    grouped.set(key, group);
  }
  return Object.fromEntries(
    [...grouped.values()].map(({ name, values }) => [name, values.length > 1 ? values : values.join("")]),
  );
}

/** Uploads go on where `Location` says: it must not lead past the proxy, nor lose the registry's name. */
function leadThroughProxy(headers: RawHeaders, origin: URL, target: Target): string[] {
  return headers.map((text, i) => {
    const isLocation = i % 2 === 1 && headers[i - 1]?.toLowerCase() === "location";
    return isLocation ? throughProxy(text, origin, target) : text;
  });
}

interface IncomingBodyOptions {
  readonly host: string;
  readonly stallTimeoutMs: number;
  /** RFC 9110 §9.3.2: nothing behind the head is a body, whatever the upstream sends. */
  readonly isHead: boolean;
}

/** The body of a response of Node.js' own client. */
class IncomingBody implements UpstreamBody {
  readonly #message: IncomingMessage;
  readonly #options: IncomingBodyOptions;

  constructor(message: IncomingMessage, options: IncomingBodyOptions) {
    this.#message = message;
    this.#options = options;
  }

  deliver(onChunk: (chunk: Buffer) => boolean): Promise<void> {
    const message = this.#message;
    const { host, isHead, stallTimeoutMs } = this.#options;
    message.setTimeout(stallTimeoutMs, () => {
      if (!message.isPaused()) message.destroy(new UpstreamError("stalled", `${host}: the response stalled`));
    });
    return new Promise((resolve, reject) => {
      // Settles in any case, also when the connection was closed before this.
      finished(message, { writable: false }, (error) => (error ? reject(toUpstreamError(error, host)) : resolve()));
      if (isHead) {
        message.resume();
        resolve();
        return;
      }
      message.on("data", (chunk: Buffer) => {
        if (!onChunk(chunk)) message.pause();
      });
    });
  }

  resume(): void {
    this.#message.resume();
  }

  discard(): void {
    this.#message.destroy();
  }
}
