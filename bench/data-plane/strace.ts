import { spawn } from "node:child_process";
import { once } from "node:events";

export interface CallCount {
  readonly name: string;
  readonly count: number;
}

export interface Strace {
  /** Stops counting and tells what was counted. */
  detach(): Promise<readonly CallCount[]>;
}

/** Counts the system calls of processes and all their threads from when this resolves. */
export async function attachStrace(pids: readonly number[]): Promise<Strace> {
  const child = spawn("strace", ["-f", "-c", ...pids.flatMap((pid) => ["-p", String(pid)])], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.setEncoding("utf8");
  let printed = "";
  child.stderr.on("data", (text: string) => (printed += text));
  while (!/^strace: Process \d+ attached/m.test(printed)) {
    const [ended] = await Promise.race([once(child.stderr, "data"), once(child, "exit").then(() => [undefined])]);
    if (ended === undefined) throw new Error(`strace ended: ${printed}`);
  }
  return {
    detach: async () => {
      const ended = once(child, "close");
      child.kill("SIGINT");
      await ended;
      return parseStrace(printed);
    },
  };
}

/** The rows of `strace -c`: share, seconds, microseconds per call, calls, errors if any, name. */
export function parseStrace(text: string): readonly CallCount[] {
  return [...text.matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z_]\w*)$/gm)]
    .map(([, count, name = ""]) => ({ name, count: Number(count) }))
    .filter(({ name }) => name !== "total");
}
