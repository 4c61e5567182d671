import { EDGE_TARGETS } from "./edge-targets.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { OCI_TARGETS } from "./oci-targets.ts";
import { PROXY_TARGETS } from "./proxy-targets.ts";

/** Every parser of what somebody else wrote. */
export const TARGETS: readonly FuzzTarget[] = [...OCI_TARGETS, ...PROXY_TARGETS, ...EDGE_TARGETS];
