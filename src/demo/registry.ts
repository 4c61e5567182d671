import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { Gate, type Auth } from "./auth.ts";
import { Catalog } from "./catalog.ts";
import { FaultScript, type Fault } from "./faults.ts";
import { answer } from "./answer.ts";
import type { SampleImage } from "./images.ts";
import { Recorder, type RecordedRequest } from "./recorder.ts";

export interface DemoRegistryOptions {
  readonly images: readonly SampleImage[];
  /** Default: everything is public, and nothing is challenged. */
  readonly auth?: Auth;
  readonly faults?: readonly Fault[];
  /** Blobs are answered with 307 to this origin: that of another demo registry with the same images. */
  readonly redirectBlobsTo?: string;
  /** Pace of each blob. Default: as fast as the connection takes it. */
  readonly throttleBytesPerSecond?: number;
  /** PEM. Default: plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A registry that listens on a free port of 127.0.0.1. */
export interface DemoRegistry {
  /** Origin, without a path: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** The requests so far (the last 10,000), in the order in which they came. */
  readonly requests: readonly RecordedRequest[];
  /** Resolves with the first request that matches "METHOD TARGET" and has ended, already or in future. */
  whenEnded(pattern: RegExp): Promise<RecordedRequest>;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

/** 75 s: longer than any client's idle limit, so that it is never the registry that closes. */
const KEEP_ALIVE_MS = 75_000;

/** Starts the read side of a registry, complete by distribution-spec v1.1. */
export async function startDemoRegistry(options: DemoRegistryOptions): Promise<DemoRegistry> {
  const recorder = new Recorder();
  const server = createRegistryServer(options.tls);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${portOf(server)}`;
  const url = `${options.tls ? "https" : "http"}://${host}`;
  const { auth, faults = [], images, redirectBlobsTo, throttleBytesPerSecond } = options;
  const contents = { catalog: new Catalog(images), gate: new Gate(auth, url), redirectBlobsTo, throttleBytesPerSecond };
  const script = new FaultScript(faults);
  server.on("request", (request, response) => {
    const record = recorder.record(request, response);
    const fault = script.next(record.method, record.target);
    answer(contents, { request, response, record, fault }).catch((error: Error) => response.destroy(error));
  });
  return {
    url,
    host,
    requests: recorder.requests,
    whenEnded: (pattern) => recorder.whenEnded(pattern),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function createRegistryServer(tls: DemoRegistryOptions["tls"]): Server | TlsServer {
  return tls ? createTlsServer(tls) : createServer();
}

function portOf(server: Server | TlsServer): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the registry listens on no TCP port");
  return address.port;
}
