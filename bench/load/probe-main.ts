import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

// Asks for each path in turn over a connection of its own, as startProbe starts it.

const [port = "", ...paths] = process.argv.slice(2);

/** 25 ms between two looks: hundreds of each path in the few seconds that it takes. */
const PAUSE_MS = 25;

/** Longer than any bar; then it counts as endless. */
const TIMEOUT_MS = 10_000;

const times: Record<string, number[]> = Object.fromEntries(paths.map((path) => [path, []]));
const stop = new AbortController();
process.on("message", () => stop.abort());
process.on("disconnect", () => process.exit());

while (!stop.signal.aborted) {
  for (const path of paths) {
    const startedAt = performance.now();
    const answered = await isAnswered(path);
    times[path]?.push(answered ? performance.now() - startedAt : Infinity);
  }
  await delay(PAUSE_MS);
}
process.send?.(times);

function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get(
    { host: "127.0.0.1", port: Number(port), path, agent: false, timeout: TIMEOUT_MS },
    (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", () => resolve(false));
    },
  );
  request.on("timeout", () => request.destroy(new Error("timeout")));
  request.on("error", () => resolve(false));
  return promise;
}
