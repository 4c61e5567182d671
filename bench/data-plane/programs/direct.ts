import type { Upstream } from "../../rig/upstream.ts";
import type { Candidate } from "../program.ts";

const WORKLOADS = new Set(["manifest-2k", "manifest-20k", "latency-1"]);

/** No proxy at all: what there is to add to. Only where the client can speak TLS itself. */
export const direct: Candidate = {
  name: "direct",
  missing: () => undefined,
  excluded: (workload) => (WORKLOADS.has(workload) ? undefined : "no process of its own"),
  start: ({ upstream }: { readonly upstream: Upstream }) =>
    Promise.resolve({
      name: "direct",
      version: `${upstream.program} as upstream`,
      ports: { tls: upstream.tlsPort, plain: upstream.plainPort },
      scheme: "https",
      pids: [],
      startMs: 0,
      stop: () => Promise.resolve(),
    }),
};
