import { EventEmitter, once } from "node:events";
import type { TestContext } from "node:test";
import type { LookupFunction } from "node:net";
import type { TransferEvent } from "../../src/pull/transfer-event.ts";
import type { Listener } from "../../src/proxy/listener.ts";
import type { Proxy, ProxyOptions, ProxySettings } from "../../src/proxy/proxy.ts";
import { createProxy } from "../../src/proxy/server.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";

export interface TestProxyOptions {
  readonly upstreams: readonly Upstream[];
  readonly listener?: Partial<Listener>;
  readonly settings?: Partial<ProxySettings>;
  readonly lookup?: LookupFunction;
  /** Default: the real time. */
  readonly now?: () => number;
  readonly tokenRelay?: ProxyOptions["tokenRelay"];
}

/** A proxy on a free port of 127.0.0.1 that keeps every event. */
export interface TestProxy extends Proxy {
  readonly port: number;
  readonly url: string;
  readonly events: readonly TransferEvent[];
  /** Resolves with the first event of `type` that `matches`, past or future. */
  event<Type extends TransferEvent["type"]>(
    type: Type,
    matches?: (event: Extract<TransferEvent, { type: Type }>) => boolean,
  ): Promise<Extract<TransferEvent, { type: Type }>>;
}

export async function startProxy(t: TestContext, options: TestProxyOptions): Promise<TestProxy> {
  const events: TransferEvent[] = [];
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const byRegistry = new Map(options.upstreams.map((upstream) => [upstream.registry, upstream]));
  const proxy = createProxy({
    listeners: [
      { name: "test", host: "127.0.0.1", port: 0, allowPush: false, peerIdentity: "none", ...options.listener },
    ],
    findUpstream: (registry) => byRegistry.get(registry),
    observe: (event) => {
      events.push(event);
      emitter.emit("event");
    },
    now: options.now ?? (() => performance.timeOrigin + performance.now()),
    ...(options.settings !== undefined && { settings: options.settings }),
    ...(options.lookup !== undefined && { lookup: options.lookup }),
    ...(options.tokenRelay !== undefined && { tokenRelay: options.tokenRelay }),
  });
  t.after(() => proxy.close());
  const [bound] = await proxy.listen();
  const port = bound?.port ?? 0;
  return {
    listen: () => proxy.listen(),
    protect: (listener, protection) => proxy.protect(listener, protection),
    reload: (rules) => proxy.reload(rules),
    drain: (timeoutMs, pulls) => proxy.drain(timeoutMs, pulls),
    close: () => proxy.close(),
    port,
    url: `${options.listener?.protection?.tls ? "https" : "http"}://127.0.0.1:${port}`,
    events,
    event: async (type, matches = () => true) => {
      for (;;) {
        const found = events.find(
          (event): event is Extract<TransferEvent, { type: typeof type }> =>
            event.type === type && matches(event as Extract<TransferEvent, { type: typeof type }>),
        );
        if (found !== undefined) return found;
        await once(emitter, "event");
      }
    },
  };
}

/** An upstream on loopback. */
export function upstreamAt(origin: URL | string, settings: Partial<Upstream> = {}): Upstream {
  return {
    registry: "registry.test",
    origin: new URL(origin),
    redirects: "follow",
    allowPrivateAddresses: true,
    ...settings,
  };
}
