import { once } from "node:events";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";

/** What the thread tells when its registries listen: their origins. */
export interface DemoUpstreams {
  /** Public images; one of them broken, one cut once. */
  readonly open: string;
  /** The same way of answering behind a token service, with one private image. */
  readonly guarded: string;
}

export interface RegistryThread {
  readonly upstreams: DemoUpstreams;
  close(): Promise<void>;
}

/** Starts the registries of the demo in a thread of their own, so that their work is not on the proxy's event loop. */
export async function startRegistryThread(): Promise<RegistryThread> {
  // .ts in a working copy, .js when built.
  const file = `./registry-thread-main${extname(import.meta.filename)}`;
  // No flags: those of the process may be for its main script alone (--input-type, --inspect-brk).
  const worker = new Worker(new URL(file, import.meta.url), { execArgv: [] });
  const [upstreams]: unknown[] = await once(worker, "message");
  if (!isDemoUpstreams(upstreams)) throw new Error("the thread of the demo registries told no origins");
  return {
    upstreams,
    close: async () => {
      await worker.terminate();
    },
  };
}

function isDemoUpstreams(value: unknown): value is DemoUpstreams {
  if (typeof value !== "object" || value === null || !("open" in value) || !("guarded" in value)) return false;
  return typeof value.open === "string" && typeof value.guarded === "string";
}
