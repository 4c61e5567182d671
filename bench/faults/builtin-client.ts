import type { ClientPlan } from "./client-plan.ts";
import { makeImage } from "./image.ts";
import { pullStrictly } from "./strict-client.ts";

/** The built-in client goes through every cell. All pull the same image: none of them keeps anything. */
export function builtinPlan(seed: number): ClientPlan {
  const image = makeImage(`faults ${seed}`);
  return {
    name: "built-in",
    first: "ping",
    // Most of them wait for a timeout.
    parallel: 24,
    shortCells: 100,
    repeats: false,
    takes: () => true,
    listeners: () => [{ name: "shared" }],
    imageFor: () => image,
    start: async (ports) => ({
      pull: async ({ host, cell }) =>
        pullStrictly({
          origin: `http://127.0.0.1:${ports["shared"]}`,
          registry: host,
          localAddress: addressOf(cell.id),
        }),
      close: async () => {},
    }),
  };
}

/** An address on loopback for each cell: to the proxy they are clients apart. */
function addressOf(id: number): string {
  return `127.1.${Math.floor(id / 250)}.${(id % 250) + 1}`;
}
