// Loaded before a program (`node --import`): writes down every connection that the process opens, whoever opens it.
import { createHook } from "node:async_hooks";
import { writeFileSync } from "node:fs";
import { Socket } from "node:net";

export interface WatchedConnections {
  /** One for each socket that was told to connect: the ports, and the files of this project on the way there. */
  readonly sockets: readonly { readonly port: number; readonly files: readonly string[] }[];
  /** What the runtime asked the system for; a socket that is made past `Socket` is here all the same. */
  readonly asked: { readonly tcp: number; readonly pipe: number; readonly udp: number; readonly names: number };
}

/** 50 frames: connections are opened from streams, pools and promises. */
Error.stackTraceLimit = 50;

const sockets: { port: number; files: string[] }[] = [];
const asked = { tcp: 0, pipe: 0, udp: 0, names: 0 };
const KINDS: Readonly<Record<string, keyof typeof asked>> = {
  TCPCONNECTWRAP: "tcp",
  PIPECONNECTWRAP: "pipe",
  UDPWRAP: "udp",
  GETADDRINFOREQWRAP: "names",
  QUERYWRAP: "names",
};

createHook({
  init: (_id, type) => {
    const kind = KINDS[type];
    if (kind !== undefined) asked[kind] += 1;
  },
}).enable();

// net.connect, tls.connect and every agent end here. Watched, not replaced: the call goes on as it came.
const connect = Reflect.get(Socket.prototype, "connect") as unknown as (...args: unknown[]) => Socket;
function watchedConnect(this: Socket, ...args: unknown[]): Socket {
  const files = [...(new Error().stack ?? "").matchAll(/\/(src\/[\w/-]+\.ts)/g)].map(([, file = ""]) => file);
  sockets.push({ port: portOf(args), files });
  return Reflect.apply(connect, this, args);
}
Reflect.set(Socket.prototype, "connect", watchedConnect);

/** Node.js normalises the arguments on the way: options, then alone or in a list. */
function portOf(args: unknown): number {
  if (Array.isArray(args)) return portOf(args[0]);
  if (typeof args === "number") return args;
  return typeof args === "object" && args !== null && "port" in args ? Number(args.port) : 0;
}

process.on("exit", () => {
  const file = process.env["WATCHED_CONNECTIONS"];
  if (file !== undefined) writeFileSync(file, JSON.stringify({ sockets, asked } satisfies WatchedConnections));
});
