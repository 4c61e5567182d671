import type { EnvironmentProxy } from "../config/environment-proxy.ts";
import { shareSalt } from "../proxy/rate-limit-source.ts";
import type { Proxy, ProxyRules } from "../proxy/proxy.ts";
import { createProxy } from "../proxy/server.ts";
import { toProxyRules } from "../wiring/settings.ts";
import { clockFrom } from "./clock.ts";
import type { Start, SystemProblem, ToPrimary, ToWorker, Usage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { unpackConfig, unpackProtection, type PackedConfig } from "./packed-config.ts";
import { RemotePulls } from "./remote-pulls.ts";
import { PULSE_MS } from "./worker-life.ts";

/** What a worker has of its process. */
export interface WorkerSurroundings {
  /** `sent` is called when this message, and each before it, is on its way. */
  readonly send: (message: ToPrimary, sent?: () => void) => void;
  readonly environmentProxy: EnvironmentProxy;
  /** The machine's monotonic clock. */
  readonly monotonicMs: () => number;
  readonly usage: () => Usage;
  /** Ends the process. */
  readonly leave: () => void;
}

/** Serves clients as the primary says, and tells it what happens. It decides nothing about pulls. */
export class Worker {
  readonly #surroundings: WorkerSurroundings;
  readonly #outbox: Outbox;
  readonly #pulls: RemotePulls;
  #proxy: Proxy | undefined;
  #now: () => number = () => Number.NEGATIVE_INFINITY;

  constructor(surroundings: WorkerSurroundings) {
    this.#surroundings = surroundings;
    const { send } = surroundings;
    this.#outbox = new Outbox((events) => send({ type: "events", events, untilMs: this.#now() }));
    this.#pulls = new RemotePulls(send);
    send({ type: "ready" });
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "start":
        return void this.#start(message);
      case "reload":
        return this.#proxy?.reload(this.#rules(message.config));
      case "protect":
        return this.#proxy?.protect(message.listener, unpackProtection(message.protection));
      case "drain":
        return void this.#drain(message.timeoutMs, message.quietMs);
      case "any-under-way":
        return this.#pulls.told(message.isAny);
      case "under-way":
        return this.#pulls.answered(message.question, message.isUnderWay);
      case "tell":
        this.#outbox.flush();
        return this.#surroundings.send({ type: "told", question: message.question, untilMs: this.#now() });
    }
  }

  async #start({ config, originMs, salt }: Start): Promise<void> {
    const { send, monotonicMs, usage } = this.#surroundings;
    shareSalt(salt);
    this.#now = clockFrom(originMs, monotonicMs());
    this.#proxy = createProxy({ ...this.#rules(config), observe: this.#outbox.observe, now: this.#now });
    try {
      send({ type: "listening", listeners: await this.#proxy.listen() });
      const tellUsage = (): void => send({ type: "usage", usage: usage() });
      setInterval(tellUsage, PULSE_MS).unref();
      tellUsage();
    } catch (error) {
      send({ type: "cannot-listen", problem: toSystemProblem(error) });
    }
  }

  async #drain(timeoutMs: number, quietMs: number): Promise<void> {
    await this.#proxy?.drain(timeoutMs, this.#pulls.underWay(quietMs));
    this.#outbox.flush();
    this.#surroundings.send({ type: "drained" }, () => this.#surroundings.leave());
  }

  #rules(packed: PackedConfig): ProxyRules {
    const rules = toProxyRules(unpackConfig(packed, this.#surroundings.environmentProxy));
    const { workers, limits } = packed;
    const { connections, transfers } = limits;
    // They hold for all workers together.
    const shares = {
      maxConnections: Math.ceil(connections / workers),
      maxTransfers: Math.ceil(transfers / workers),
    };
    return { ...rules, settings: { ...rules.settings, ...shares } };
  }
}

function toSystemProblem(error: unknown): SystemProblem {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message } = error;
  return {
    message,
    ...("code" in error && typeof error.code === "string" && { code: error.code }),
    ...("address" in error && typeof error.address === "string" && { address: error.address }),
    ...("port" in error && typeof error.port === "number" && { port: error.port }),
    ...("hostname" in error && typeof error.hostname === "string" && { hostname: error.hostname }),
  };
}
