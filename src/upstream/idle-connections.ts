import type { UpstreamConnection } from "./upstream-connection.ts";

/** 4 s: below the 5 s of the shortest common server setting (Node.js), so that the server rarely closes first. */
export const IDLE_TIMEOUT_MS = 4_000;

/** A second before the server says that it closes. */
const MARGIN_MS = 1_000;

/** How often old ones are looked for, so that a connection stays at most this much longer. */
const SWEEP_MS = 500;

/** 64 for one origin: as many layers as a node pulls at once. */
const MAX_PER_ORIGIN = 64;

/** 256 in all: about 50 MB in Node.js when all of them speak TLS. */
const MAX_IDLE = 256;

interface Idle {
  readonly connection: UpstreamConnection;
  readonly untilMs: number;
}

/** Connections that wait for their next request, the last one used first. */
export class IdleConnections {
  readonly #byKey = new Map<string, Idle[]>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  get count(): number {
    return this.#count;
  }

  /** Keeps the connection, or closes it. `serverKeepsMs`: how long the server says that it would wait. */
  put(key: string, connection: UpstreamConnection, serverKeepsMs = Infinity): void {
    const keepMs = Math.min(IDLE_TIMEOUT_MS, serverKeepsMs - MARGIN_MS) - SWEEP_MS;
    const idle = this.#byKey.get(key) ?? [];
    if (keepMs <= 0 || idle.length >= MAX_PER_ORIGIN || this.#count >= MAX_IDLE || !connection.isOpen) {
      connection.destroy();
      return;
    }
    idle.push({ connection, untilMs: performance.now() + keepMs });
    this.#byKey.set(key, idle);
    this.#count += 1;
    connection.onGone = () => this.#forget(key, connection);
    this.#timer ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  take(key: string): UpstreamConnection | undefined {
    const idle = this.#byKey.get(key);
    for (let last = idle?.pop(); last !== undefined; last = idle?.pop()) {
      const { connection, untilMs } = last;
      if (idle?.length === 0) this.#byKey.delete(key);
      this.#count -= 1;
      connection.onGone = undefined;
      if (connection.isOpen && performance.now() < untilMs) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** Closes what is idle under `key`: where one was stale, the others are as old. */
  drop(key: string): void {
    for (const { connection } of this.#byKey.get(key) ?? []) this.#end(key, connection);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const key of this.#byKey.keys()) this.drop(key);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, idle] of this.#byKey) {
      for (const { connection, untilMs } of idle) if (nowMs >= untilMs) this.#end(key, connection);
    }
    this.#timer = this.#count === 0 ? undefined : setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  #end(key: string, connection: UpstreamConnection): void {
    connection.onGone = undefined;
    this.#forget(key, connection);
    connection.destroy();
  }

  #forget(key: string, connection: UpstreamConnection): void {
    const kept = (this.#byKey.get(key) ?? []).filter((idle) => idle.connection !== connection);
    this.#count -= (this.#byKey.get(key)?.length ?? 0) - kept.length;
    if (kept.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, kept);
  }
}
