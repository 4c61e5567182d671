import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Open file descriptors of a process. */
export async function countDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Resident memory of a process, in bytes: now, or the most it ever was. */
export async function residentBytes(pid: number, which: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
}

/** Waits for a number to fall to `most`, and resolves with where it stands then or after `timeoutMs`. */
export async function fallsTo(most: number, timeoutMs: number, read: Read): Promise<number> {
  return waitFor((now) => now <= most, timeoutMs, read);
}

/** Waits for a number to rise to `least`, as `fallsTo`. */
export async function reaches(least: number, timeoutMs: number, read: Read): Promise<number> {
  return waitFor((now) => now >= least, timeoutMs, read);
}

type Read = () => number | Promise<number>;

async function waitFor(isReached: (now: number) => boolean, timeoutMs: number, read: Read): Promise<number> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const now = await read();
    if (isReached(now) || performance.now() > deadlineMs) return now;
    await delay(100);
  }
}
