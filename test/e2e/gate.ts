import { EventEmitter, once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A reverse proxy before a registry that can stop layers half-way, so that a test meets a pull in the middle of a download. */
export interface Gate {
  readonly url: string;
  /** From now on layers of this repository stop after their first bytes. */
  hold(repository: string): void;
  /** Lets them go on. */
  release(repository: string): void;
  /** Resolves when at least `count` layers that match were begun, or tags answered. */
  reached(repository: string, what: "layer" | "resolve", count: number): Promise<void>;
  readonly close: () => Promise<void>;
}

/** Configs are smaller, the test layers larger. */
const SMALLEST_LAYER_BYTES = 50_000;

export async function openGate(upstream: string): Promise<Gate> {
  const changes = new EventEmitter().setMaxListeners(0);
  const held = new Set<string>();
  const counts = new Map<string, number>();
  const count = (key: string): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    changes.emit("change");
  };

  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const [, repository = "", kind, reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(incoming.url ?? "") ?? [];
    const isResolve = kind === "manifests" && !reference.startsWith("sha256:");
    outgoing.on("finish", () => isResolve && count(`${repository} resolve`));
    const { method = "GET", headers } = incoming;
    const sent = request(`${upstream}${incoming.url ?? ""}`, { method, headers });
    outgoing.on("close", () => sent.destroy());
    incoming.pipe(sent);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    const isLayer = kind === "blobs" && Number(response.headers["content-length"]) >= SMALLEST_LAYER_BYTES;
    if (!isLayer) return void response.pipe(outgoing);
    const [first] = (await once(response, "data")) as [Buffer];
    response.pause();
    outgoing.write(first);
    count(`${repository} layer`);
    while (held.has(repository) && !outgoing.destroyed) await once(changes, "change");
    response.pipe(outgoing);
  };

  const server = createServer((incoming, outgoing) => {
    outgoing.on("close", () => changes.emit("change"));
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (repository) => void held.add(repository),
    release: (repository) => {
      held.delete(repository);
      changes.emit("change");
    },
    reached: async (repository, what, wanted) => {
      while ((counts.get(`${repository} ${what}`) ?? 0) < wanted) await once(changes, "change");
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
