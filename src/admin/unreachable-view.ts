import type { Observer } from "../pull/transfer-event.ts";

/** Hosts of registries that could not be connected to lately, for people who ask why a pull went elsewhere. */
export interface UnreachableView {
  readonly observe: Observer;
  /** At most 20 of them, by name; empty if all is well. */
  hosts(): string;
}

/** 20: enough to see that it is the network. */
const MAX_HOSTS_TOLD = 20;

export function createUnreachableView(): UnreachableView {
  const unreachable = new Set<string>();
  return {
    observe: (event) => {
      if (event.type !== "circuit-changed") return;
      if (event.state === "closed") unreachable.delete(event.host);
      else unreachable.add(event.host);
    },
    hosts: () => [...unreachable].toSorted().slice(0, MAX_HOSTS_TOLD).join(", "),
  };
}
