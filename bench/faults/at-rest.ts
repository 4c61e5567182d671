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
export async function fallsTo(most: number, timeoutMs: number, read: () => number | Promise<number>): Promise<number> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const now = await read();
    if (now <= most || performance.now() > deadlineMs) return now;
    await delay(200);
  }
}
