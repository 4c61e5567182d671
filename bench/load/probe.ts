import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** How long each look at one path took, in milliseconds; one that failed counts as endless. */
export type ProbeTimes = Readonly<Record<string, readonly number[]>>;

export interface Probe {
  /** Stops looking and tells. */
  stop(): Promise<ProbeTimes>;
}

/** A process that looks at the paths again and again, as a scraper and a kubelet do, only more often. */
export function startProbe(port: number, paths: readonly string[]): Probe {
  const child = fork(join(import.meta.dirname, "probe-main.ts"), [String(port), ...paths]);
  return {
    stop: async () => {
      const told = once(child, "message");
      const ended = once(child, "exit");
      child.send("stop");
      const [times] = (await told) as [Record<string, (number | null)[]>];
      child.disconnect();
      await ended;
      // JSON has no Infinity.
      return Object.fromEntries(Object.entries(times).map(([path, each]) => [path, each.map((ms) => ms ?? Infinity)]));
    },
  };
}
