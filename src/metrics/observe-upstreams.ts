import type { CircuitChanged, Observer } from "../pull/transfer-event.ts";
import type { Metrics } from "./create-metrics.ts";
import { registryValue } from "./values.ts";

/** Counts what was made good without its client noticing, and the hosts that nobody is sent to for the moment. */
export function observeUpstreams(metrics: Metrics): Observer {
  // As many entries as there are circuits at most.
  const open = new Map<string, string>();
  return (event) => {
    if (event.type === "upstream-repeated") {
      metrics.upstreamRepeats.inc({
        registry: registryValue(metrics.caps, event.registry, ""),
        repeated: event.repeated,
      });
    }
    if (event.type === "circuit-changed") setCircuit(metrics, open, event);
  };
}

function setCircuit(metrics: Metrics, open: Map<string, string>, { registry, host, state }: CircuitChanged): void {
  const key = `${registry} ${host}`;
  const known = open.get(key);
  if (state === "closed") {
    open.delete(key);
    if (known !== undefined) metrics.circuitsOpen.dec({ registry: known });
  } else if (known === undefined) {
    const label = registryValue(metrics.caps, registry, "");
    open.set(key, label);
    metrics.circuitsOpen.inc({ registry: label });
  }
}
