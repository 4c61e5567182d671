import { readFileSync } from "node:fs";
import { createProxy } from "../../../src/proxy/server.ts";

// The data plane without observers, as `bare` starts it.

interface Options {
  readonly ca: string;
  readonly listeners: readonly { readonly name: string; readonly port: number; readonly origin: string }[];
}

const { ca, listeners } = JSON.parse(process.argv[2] ?? "{}") as Options;
const pem = readFileSync(ca, "utf8");
const origins = new Map(listeners.map(({ name, origin }) => [`${name}.bench.example`, new URL(origin)]));

const proxy = createProxy({
  listeners: listeners.map(({ name, port }) => ({
    name,
    host: "127.0.0.1",
    port,
    registry: `${name}.bench.example`,
    allowPush: false,
    peerIdentity: "none",
  })),
  findUpstream: (registry) => {
    const origin = origins.get(registry);
    return origin && { registry, origin, ca: pem, redirects: "follow", allowPrivateAddresses: true };
  },
  observe: () => {
    // Nobody watches.
  },
  now: () => performance.timeOrigin + performance.now(),
});
await proxy.listen();
