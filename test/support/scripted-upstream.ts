import { once } from "node:events";
import { createServer, isIPv6, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/** One request as it came over the wire, and the means to answer it with any bytes. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values alternate, as they were written. */
  readonly headers: readonly string[];
  readonly socket: Socket;
  /** Counts connections from 1. */
  readonly connection: number;
}

export interface ScriptedUpstream {
  readonly host: string;
  readonly origin: URL;
  readonly requests: readonly WireRequest[];
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  readonly connections: number;
  /** Resolves when `isTrue` holds, which is asked again whenever a connection or request comes or goes. */
  until(isTrue: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface ScriptedUpstreamOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly address?: string;
}

/** A server that reads request heads and leaves every byte of the answer to `respond`. Requests have no bodies. */
export async function startScriptedUpstream(
  respond: (request: WireRequest) => void,
  { tls, address = "127.0.0.1" }: ScriptedUpstreamOptions = {},
): Promise<ScriptedUpstream> {
  const requests: WireRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const check of waiting) check();
  };
  const accept = (socket: Socket): void => {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      changed();
    });
    let read = "";
    socket.on("data", (chunk) => {
      read += chunk.toString("latin1");
      for (let end = read.indexOf("\r\n\r\n"); end !== -1; end = read.indexOf("\r\n\r\n")) {
        const request = { ...parseHead(read.slice(0, end)), socket, connection };
        read = read.slice(end + 4);
        requests.push(request);
        changed();
        respond(request);
      }
    });
    changed();
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on("tlsClientError", () => {});
  server.listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const host = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  return {
    host,
    origin: new URL(`${tls === undefined ? "http" : "https"}://${host}`),
    requests,
    sockets,
    get connections() {
      return connections;
    },
    until: (isTrue) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!isTrue()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function parseHead(head: string): Pick<WireRequest, "method" | "target" | "headers"> {
  const [requestLine = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { method, target, headers };
}

/** A whole response: head lines, blank line, body. */
export function responseBytes(lines: readonly string[], body: Buffer | string = ""): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]);
}
