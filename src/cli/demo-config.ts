import { once } from "node:events";
import { createServer } from "node:net";
import { toConfig, type Config } from "../config/config.ts";
import { validateSettings } from "../config/validate.ts";
import type { DemoUpstreams } from "../demo/registry-thread.ts";
import { GUARDED_REGISTRY, OPEN_REGISTRY, type DemoListener } from "../demo/scenario.ts";

/** Where the demo's proxy and its admin pages listen: origins. */
export type DemoOrigins = Readonly<Record<DemoListener | "admin", string>>;

/** The ports that `pullmeter serve` takes by default: 5000 and the next, and 9090. */
const PREFERRED_PORTS: Readonly<Record<keyof DemoOrigins, number>> = {
  open: 5000,
  warmup: 5001,
  guarded: 5002,
  admin: 9090,
};

/** Configuration of a proxy before the demo's registries. */
export async function createDemoConfig(
  upstreams: DemoUpstreams,
): Promise<{ readonly config: Config; readonly origins: DemoOrigins }> {
  const addresses = {
    open: await findAddress(PREFERRED_PORTS.open),
    warmup: await findAddress(PREFERRED_PORTS.warmup),
    guarded: await findAddress(PREFERRED_PORTS.guarded),
    admin: await findAddress(PREFERRED_PORTS.admin),
  };
  const { settings, mistakes } = validateSettings({
    listeners: [
      { name: "open", address: addresses.open, registry: OPEN_REGISTRY },
      { name: "warmup", address: addresses.warmup, registry: OPEN_REGISTRY, trigger: "warmup" },
      { name: "guarded", address: addresses.guarded, registry: GUARDED_REGISTRY },
    ],
    registries: {
      [OPEN_REGISTRY]: { upstream: upstreams.open },
      [GUARDED_REGISTRY]: { upstream: upstreams.guarded },
    },
    wellKnownRegistries: false,
    admin: { address: addresses.admin },
    // Whoever presses Ctrl-C waits no longer than it takes to see what the last pull became.
    timeouts: { drain: "1s" },
  });
  if (!settings) throw new Error(mistakes.map(({ message }) => message).join("; "));
  return {
    config: toConfig(settings, { pems: new Map(), environmentProxy: () => undefined }),
    origins: {
      open: `http://${addresses.open}`,
      warmup: `http://${addresses.warmup}`,
      guarded: `http://${addresses.guarded}`,
      admin: `http://${addresses.admin}`,
    },
  };
}

/** A loopback address with the preferred port if nobody has it, else with any free one. */
async function findAddress(preferredPort: number): Promise<string> {
  return `127.0.0.1:${(await tryPort(preferredPort)) ?? (await tryPort(0))}`;
}

/** The port, if it can be listened on; undefined if not. */
async function tryPort(wanted: number): Promise<number | undefined> {
  const server = createServer().listen({ port: wanted, host: "127.0.0.1" });
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? address?.port : undefined;
}
