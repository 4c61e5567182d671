import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { nowMs } from "./clock.ts";

/**
 * Where clients go when the mirror fails them: a registry that has nothing. Without a way round the proxy a client's exit
 * code tells how its pull through the proxy ended. It answers instead of refusing connections, because podman takes a
 * refused connection for a passing fault and starts the whole pull again.
 */
export class Wall {
  readonly requests: {
    readonly atMs: number;
    readonly method: string;
    readonly url: string;
    readonly traceparent?: string;
  }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((incoming, answer) => {
      const { method = "", url = "" } = incoming;
      const { traceparent } = incoming.headers;
      this.requests.push({ atMs: nowMs(), method, url, ...(typeof traceparent === "string" ? { traceparent } : {}) });
      if (url === "/v2/") return void answer.writeHead(200, { "content-length": 2 }).end("{}");
      const code = url.includes("/blobs/") ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
      const body = JSON.stringify({ errors: [{ code, message: "nothing is here" }] });
      answer.writeHead(404, { "content-type": "application/json", "content-length": body.length });
      answer.end(method === "HEAD" ? undefined : body);
    });
  }

  /** Returns the origin. */
  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
