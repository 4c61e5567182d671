import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import type { Fault } from "../../src/demo/faults.ts";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry, type DemoRegistry } from "../../src/demo/registry.ts";
import { PeerProcesses } from "../../src/proxy/peer-process.ts";
import { eventually } from "./clients/process.ts";
import { startCommand, type RunningCommand } from "./run-command.ts";

/** 1 MiB: more than the buffers between registry and client hold. */
export const LAYER = buildLayer("layer", 1024 * 1024);
export const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [LAYER] });
const LAYER_REQUEST = new RegExp(`GET .*/blobs/${LAYER.digest}`);
export const STALL: readonly Fault[] = Array.from({ length: 4 }, () => ({
  request: LAYER_REQUEST,
  action: { kind: "stall", afterBytes: 1000 },
}));

const PODMAN = "containers/5.36.1 (github.com/containers/image)";
export const DIED = "worker died: what it served failed, another takes its place";

export interface Serving {
  readonly command: RunningCommand;
  readonly port: number;
  readonly origin: string;
  readonly admin: string;
}

export async function startRegistry(t: TestContext, faults: readonly Fault[] = []): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({ images: [IMAGE], faults });
  t.after(() => registry.close());
  return registry;
}

export async function startServe(
  t: TestContext,
  registry: DemoRegistry,
  flags: readonly string[] = [],
): Promise<Serving> {
  const command = startCommand([
    "serve",
    "--workers=2",
    "--listener=127.0.0.1:0=registry.test",
    `--registry=registry.test=${registry.url}`,
    "--admin-address=127.0.0.1:0",
    ...flags,
  ]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const { admin } = await command.line("serving");
  const origin = `http://${String(address)}`;
  return { command, origin, port: Number(new URL(origin).port), admin: `http://${String(admin)}` };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** One connection that is kept, for one request after the other. */
export class Client {
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  localPort = 0;

  constructor(t: TestContext, origin: string) {
    this.#origin = origin;
    t.after(() => this.close());
  }

  async ask(path: string, method = "GET"): Promise<Answer> {
    const asked = request(this.#origin + path, { method, agent: this.#agent, headers: { "User-Agent": PODMAN } });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    this.localPort = response.socket.localPort ?? 0;
    await buffer(response);
    return { status: response.statusCode, headers: response.headers };
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The process that serves a client. */
export function serverOf({ localPort }: Client, port: number): number | undefined {
  const [clientAddress, serverAddress] = ["127.0.0.1", "127.0.0.1"];
  return new PeerProcesses().find({ clientAddress, clientPort: port, serverAddress, serverPort: localPort });
}

export async function readMetrics(admin: string, pattern: RegExp): Promise<readonly string[]> {
  const response = await fetch(`${admin}/metrics`);
  assert.equal(response.status, 200);
  return (await response.text()).split("\n").filter((line) => pattern.test(line));
}

export function finishedPulls({ lines }: RunningCommand) {
  return lines.filter(({ msg }) => msg === "pull finished");
}

export async function pidsOf({ command }: Pick<Serving, "command">, count: number): Promise<readonly number[]> {
  return eventually(`${count} workers`, async () => {
    const started = command.lines.filter(({ msg }) => msg === "worker started");
    return started.length >= count ? started.map(({ pid }) => Number(pid)) : undefined;
  });
}

export function pullThrough({ origin }: Serving) {
  return pull({ origin, repository: "demo/app", reference: "v1", store: new Set() });
}

/** Starts pulls whose layers stop half-way, and returns once the registry was asked for them. */
export async function startStalled(registry: DemoRegistry, serving: Serving, count: number) {
  const results = Array.from({ length: count }, () =>
    pullThrough(serving).then(
      () => "whole",
      () => "failed",
    ),
  );
  await eventually("the layers are asked for", async () => {
    const asked = registry.requests.filter(({ method, target }) => LAYER_REQUEST.test(`${method} ${target}`));
    return asked.length >= count ? true : undefined;
  });
  return results;
}
