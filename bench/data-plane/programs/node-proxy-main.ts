import { readFileSync } from "node:fs";
import { Agent as HttpAgent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { createRequire } from "node:module";
import { createProxyServer as createHttpxy } from "httpxy";

// A proxy made of a library of npm, as nodeProxy starts it.

interface Options {
  readonly library: "http-proxy" | "httpxy";
  readonly ca: string;
  readonly listeners: readonly { readonly port: number; readonly target: string }[];
}

type Forward = (request: IncomingMessage, response: ServerResponse) => void;

const { library, ca, listeners } = JSON.parse(process.argv[2] ?? "{}") as Options;

/** The original has no types, and its successor's are those of another package. */
interface HttpProxy {
  web: Forward;
  on: (event: "error", listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void) => void;
}

function createForward(target: string): Forward {
  const agent = target.startsWith("https:")
    ? new HttpsAgent({ keepAlive: true, ca: readFileSync(ca) })
    : new HttpAgent({ keepAlive: true });
  if (library === "httpxy") {
    const proxy = createHttpxy({ target, agent });
    return (request, response) => void proxy.web(request, response).catch(() => response.destroy());
  }
  const { createProxyServer } = createRequire(import.meta.url)("http-proxy-original") as {
    createProxyServer: (options: object) => HttpProxy;
  };
  const proxy = createProxyServer({ target, agent });
  proxy.on("error", (_error, _request, response) => response.destroy());
  return (request, response) => proxy.web(request, response);
}

for (const { port, target } of listeners) createServer(createForward(target)).listen(port, "127.0.0.1");
