import { connect, type Socket } from "node:net";
import { once } from "node:events";
import type { JobResult } from "./job.ts";
import { openReader } from "./reader.ts";

/** Connections that stay: slow readers and idle ones. */
const held = new Set<Socket>();
const timers = new Set<NodeJS.Timeout>();

/** How often a slow reader takes what it may have. */
const TICK_MS = 250;

/** Opened at once at most, so that no backlog overflows: a refused connection would be retried only after a second. */
const BATCH = 200;

export async function hold(
  port: number,
  path: string,
  { connections, bytesPerSecond }: { readonly connections: number; readonly bytesPerSecond: number },
): Promise<JobResult> {
  return inBatches(connections, () => openSlowReader(port, path, (bytesPerSecond * TICK_MS) / 1000));
}

function openSlowReader(port: number, path: string, bytesPerTick: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let allowance = bytesPerTick;
  const socket = openReader(port, path, {
    head: (status) => resolve(status === 200 ? undefined : `status ${status}`),
    body: (bytes) => (allowance -= bytes.length) > 0,
    closed: (error) => resolve(`closed (${error?.message ?? "no error"})`),
  });
  const timer = setInterval(() => {
    allowance = Math.min(allowance + bytesPerTick, bytesPerTick);
    if (allowance > 0) socket.resume();
  }, TICK_MS);
  socket.on("close", () => clearInterval(timer));
  timers.add(timer);
  held.add(socket);
  return promise;
}

export async function connectIdle(port: number, connections: number): Promise<JobResult> {
  return inBatches(connections, async () => {
    const socket = connect(port, "127.0.0.1");
    held.add(socket);
    await once(socket, "connect");
    return undefined;
  });
}

/** Closes all that is held. */
export async function release(): Promise<JobResult> {
  for (const timer of timers) clearInterval(timer);
  timers.clear();
  const open = [...held].filter((socket) => !socket.closed);
  held.clear();
  await Promise.all(open.map((socket) => once(socket.destroy(), "close")));
  return { seconds: 0, bodyBytes: 0, problems: [] };
}

/** Reads `afterBytes` on each connection and goes away. */
export async function cut(
  port: number,
  path: string,
  { connections, afterBytes }: { readonly connections: number; readonly afterBytes: number },
): Promise<JobResult> {
  return inBatches(connections, () => readAndGo(port, path, afterBytes));
}

function readAndGo(port: number, path: string, afterBytes: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let received = 0;
  const socket = openReader(port, path, {
    head: (status) => {
      if (status !== 200) resolve(`status ${status}`);
    },
    body: (bytes) => {
      received += bytes.length;
      if (received < afterBytes) return true;
      resolve(undefined);
      socket.destroy();
      return false;
    },
    closed: (error) => resolve(`closed after ${received} bytes (${error?.message ?? "no error"})`),
  });
  return promise;
}

async function inBatches(count: number, openOne: () => Promise<string | undefined>): Promise<JobResult> {
  const startedAt = performance.now();
  const problems: string[] = [];
  for (let opened = 0; opened < count; opened += BATCH) {
    const batch = await Promise.allSettled(Array.from({ length: Math.min(BATCH, count - opened) }, openOne));
    for (const outcome of batch) {
      if (outcome.status === "rejected") problems.push(String(outcome.reason));
      else if (outcome.value !== undefined) problems.push(outcome.value);
    }
  }
  return { seconds: (performance.now() - startedAt) / 1000, bodyBytes: 0, problems };
}
