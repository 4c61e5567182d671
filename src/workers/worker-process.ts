import cluster from "node:cluster";
import type { ToPrimary, ToWorker } from "./messages.ts";

/** A process that serves clients, as the primary holds it. */
export interface WorkerProcess {
  readonly pid: number;
  /** Does nothing once it is gone. */
  send(message: ToWorker): void;
  onMessage(handle: (message: ToPrimary) => void): void;
  /** Resolves after its last message, with how it ended. */
  readonly ended: Promise<string>;
  /** At once. */
  kill(): void;
}

export type ForkWorker = () => WorkerProcess;

/** `program`: the file that such a process runs. */
export function createFork(program: string): ForkWorker {
  return () => {
    // A structured clone takes 4 µs for an event, both ends together; JSON takes 3, but knows no Map and no bytes.
    cluster.setupPrimary({ exec: program, args: [], serialization: "advanced" });
    const worker = cluster.fork();
    const { process: child } = worker;
    // What is sent to one that is dying is lost, as it would be after it was read.
    worker.on("error", () => {});
    const exited = new Promise<string>((resolve) => {
      worker.on("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    });
    const disconnected = new Promise<void>((resolve) => worker.on("disconnect", () => resolve()));
    return {
      pid: child.pid ?? 0,
      send: (message) => void (worker.isConnected() && worker.send(message)),
      onMessage: (handle) => void worker.on("message", (message: ToPrimary) => handle(message)),
      ended: Promise.all([exited, disconnected]).then(([how]) => how),
      kill: () => void child.kill("SIGKILL"),
    };
  };
}
