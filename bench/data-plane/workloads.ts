import type { Workload } from "./workload.ts";
import { abort } from "./workloads/abort.ts";
import { blobs } from "./workloads/blobs.ts";
import { idle } from "./workloads/idle.ts";
import { requests } from "./workloads/requests.ts";
import { slow } from "./workloads/slow.ts";
import { start } from "./workloads/start.ts";
import { syscalls } from "./workloads/syscalls.ts";

/** All of them, in the order in which they are run: first what needs programs that have done nothing yet. */
export const WORKLOADS: readonly Workload[] = [
  start,
  idle,
  blobs("blob-tls", { side: "tls", parallel: 1, about: "one large blob from an upstream with TLS" }),
  blobs("blob-plain", { side: "plain", parallel: 1, about: "the same without TLS" }),
  blobs("blob-redirect", {
    side: "tls",
    parallel: 1,
    redirected: true,
    about: "the same after a 307 to another origin",
  }),
  blobs("par3", { side: "tls", parallel: 3, about: "three blobs at once, TLS" }),
  blobs("par6", { side: "tls", parallel: 6, about: "six blobs at once, TLS" }),
  requests("manifest-2k", { image: "manifest2k", connections: [32, 8], about: "manifests of 2 KB, TLS" }),
  requests("manifest-20k", { image: "manifest20k", connections: [32, 8], about: "manifests of 20 KB, TLS" }),
  requests("latency-1", { image: "manifest2k", connections: [1], about: "manifests of 2 KB on one connection, TLS" }),
  slow("slow-100", 100),
  slow("slow-500", 500),
  abort,
  syscalls,
];
