import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";

// What the kernel knows of a program: its process and all that descend from it. https://docs.kernel.org/filesystems/proc.html

/** The processes that are there now; a program with two instances has two roots. */
export function processTree(roots: readonly number[]): readonly number[] {
  const tree = [...roots];
  for (const pid of tree) tree.push(...childrenOf(pid));
  return tree;
}

function childrenOf(pid: number): number[] {
  return tasksOf(pid).flatMap((task) =>
    (read(`/proc/${pid}/task/${task}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

/** CPU time of all threads, user and system, in seconds. */
export function cpuSeconds(roots: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of processTree(roots)) {
    // Documentation/scheduler/sched-stats.rst: time spent on the CPU in ns, time waiting, timeslices.
    for (const task of tasksOf(pid)) {
      nanoseconds += Number(read(`/proc/${pid}/task/${task}/schedstat`)?.split(" ", 1)[0] ?? 0);
    }
  }
  return nanoseconds / 1e9;
}

export interface Memory {
  /** Resident now, and at most since `resetPeaks`; MB of 1024² bytes, summed over the processes. */
  readonly rssMb: number;
  readonly peakMb: number;
}

export function memory(roots: readonly number[]): Memory {
  let rssMb = 0;
  let peakMb = 0;
  for (const pid of processTree(roots)) {
    const status = read(`/proc/${pid}/status`) ?? "";
    rssMb += statusMb(status, "VmRSS");
    peakMb += statusMb(status, "VmHWM");
  }
  return { rssMb, peakMb };
}

/** A line of /proc/PID/status such as `VmRSS:\t   52340 kB`, in MB. */
export function statusMb(status: string, name: string): number {
  const kilobytes = new RegExp(String.raw`^${name}:\s+(\d+) kB$`, "m").exec(status)?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

/** Writing 5 to clear_refs makes the peak begin anew. */
export function resetPeaks(roots: readonly number[]): void {
  for (const pid of processTree(roots)) writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Open sockets, of whatever kind. */
export function openSockets(roots: readonly number[]): number {
  return processTree(roots)
    .flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((descriptor) => `/proc/${pid}/fd/${descriptor}`))
    .filter(isSocket).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false; // closed since
  }
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // ended since
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // ended since
  }
}
