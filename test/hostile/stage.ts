import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { fillIn, type HostileInput, type Words } from "./hostile-input.ts";
import { NAMES } from "./places.ts";
import { startProgram, type Program } from "./program.ts";
import { CONFIGURED } from "./secrets.ts";

/** Everything around the programs that are attacked. All of it is on loopback. */
export interface Stage {
  readonly programs: Readonly<Record<"closed" | "open", Program>>;
  /** Numbered from 0, in the order of the inputs. */
  wordsOf(index: number): Words;
  /** Connections to where nobody may connect. */
  canaryConnections(): number;
  /** Requests that the registry was asked for this input's repository. */
  timesAsked(index: number): number;
  /** What reached somebody whom it was not for. */
  strays(): readonly string[];
  /** Bodies that the collector of traces got. */
  traces(): string;
  close(): Promise<void>;
}

/** The registry's own address: a registry of loopback may be asked there, and nowhere else on loopback. */
const REGISTRY_ADDRESS = "127.0.0.9";
const CANARY_ADDRESSES = ["127.0.0.1", "127.0.0.2", "::1"];

export async function setStage(inputs: readonly HostileInput[], entry: string): Promise<Stage> {
  const canary = await startCanary();
  const second = await startScriptedUpstream((request) => answerSecond(request, canary.port), {
    address: REGISTRY_ADDRESS,
  });
  const asked = new Map<number, number>();
  const strays: string[] = [];
  const words = { CANARY: String(canary.port), SECOND: second.origin.port, REGISTRY: "0" };
  const answerRegistry = (request: WireRequest): void => {
    const index = Number(/^\/v2\/h(\d+)\//.exec(request.target)?.[1] ?? Number.NaN);
    asked.set(index, (asked.get(index) ?? 0) + 1);
    if (/smuggled/.test(request.target)) strays.push(`the registry was asked for ${request.target}`);
    answerAs(inputs, index, request, { ...words, REPO: `h${index}` });
  };
  const registry = await startScriptedUpstream(answerRegistry, { address: REGISTRY_ADDRESS });
  words.REGISTRY = registry.origin.port;
  const secure = await startScriptedUpstream(
    ({ socket }) => {
      const location = `Location: http://registry.test:${words.REGISTRY}/`;
      socket.write(["HTTP/1.1 307 Temporary Redirect", location, "Content-Length: 0", "", ""].join("\r\n"));
    },
    { address: REGISTRY_ADDRESS, tls: TEST_TLS },
  );
  const collector = await startCollector();
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-hostile-"));
  await writeFile(join(folder, "ca.pem"), TEST_TLS.ca);
  await writeFile(join(folder, "headers"), `X-Api-Key: ${CONFIGURED.collectorKey}\n`);
  const config = configFor(inputs, {
    registry: registry.origin.origin,
    secure: `https://registry.test:${secure.origin.port}`,
    proxy: `http://user:${CONFIGURED.proxyPassword}@${second.host}`,
    collector: collector.url,
  });
  const start = (rules: "closed" | "open"): Promise<Program> =>
    startProgram({
      entry,
      file: join(folder, `${rules}.yaml`),
      config: rules === "open" ? { ...config, allowRegistries: ["*"] } : config,
      names: namesFor(inputs),
    });
  const programs = { closed: await start("closed"), open: await start("open") };
  return {
    programs,
    wordsOf: (index) => ({ ...words, REPO: `h${index}` }),
    canaryConnections: () => canary.connections(),
    timesAsked: (index) => asked.get(index) ?? 0,
    strays: () => [...strays, ...credentialsIn(second.requests)],
    traces: () => collector.received.join("\n"),
    close: async () => {
      await Promise.all([programs.closed.kill(), programs.open.kill()]);
      await Promise.all([registry, second, secure, canary, collector].map((one) => one.close()));
      await rm(folder, { recursive: true });
    },
  };
}

function configFor(
  inputs: readonly HostileInput[],
  at: Readonly<Record<"registry" | "secure" | "proxy" | "collector", string>>,
): object {
  const port = new URL(at.registry).port;
  const own = inputs.flatMap(({ registry }) => registry?.name ?? []);
  return {
    listeners: [
      { name: "shared", address: "127.0.0.1:0" },
      { name: "own", address: "127.0.0.1:0", registry: "registry.test" },
      { name: "push", address: "127.0.0.1:0", allowPush: true },
      { name: "relay", address: "127.0.0.1:0", tokens: "relay" },
    ],
    admin: { address: "127.0.0.1:0" },
    registries: {
      "registry.test": { upstream: at.registry },
      "secure.test": { upstream: at.secure, caFile: "ca.pem" },
      "tunnelled.test": { upstream: at.secure, caFile: "ca.pem", proxy: at.proxy },
      "proxied.test": { upstream: "http://nowhere.example.com", proxy: at.proxy },
      ...Object.fromEntries(own.map((name) => [name, { upstream: `http://${name}:${port}` }])),
    },
    timeouts: { clientHeader: "1s", header: "5s", resume: "200ms", drain: "1s" },
    tracker: { daemonSettle: "50ms", processSettle: "50ms", failedSettle: "50ms", pullRetryWait: "50ms" },
    traces: { endpoint: at.collector, headersFile: "headers" },
    log: { level: "debug" },
  };
}

function namesFor(inputs: readonly HostileInput[]): Readonly<Record<string, readonly (readonly string[])[]>> {
  const own = inputs.flatMap(({ registry }) => registry?.name ?? []);
  return { ...NAMES, ...Object.fromEntries(["registry.test", ...own].map((name) => [name, [[REGISTRY_ADDRESS]]])) };
}

function answerAs(inputs: readonly HostileInput[], index: number, request: WireRequest, words: Words): void {
  const { socket, target } = request;
  const scripted = inputs[index]?.upstream;
  if (scripted !== undefined) {
    const { bytes, closes = false } = scripted;
    const answer = typeof bytes === "string" ? Buffer.from(fillIn(bytes, words), "latin1") : bytes;
    if (closes) socket.end(answer);
    else socket.write(answer);
  } else if (target === "/v2/") {
    const host = hostOf(request);
    const challenge = inputs.find(({ registry }) => registry?.name === host)?.registry?.challenge;
    const lines =
      challenge === undefined
        ? ["HTTP/1.1 200 OK"]
        : ["HTTP/1.1 401 Unauthorized", `WWW-Authenticate: ${fillIn(challenge, words)}`];
    socket.write([...lines, "Content-Length: 0", "", ""].join("\r\n"));
  } else if (target.startsWith("/to-canary")) {
    socket.write(redirectTo(`http://127.0.0.1:${words.CANARY}/`));
  } else {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
  }
}

function answerSecond({ method, target, socket }: WireRequest, canaryPort: number): void {
  const [, step] = /^\/chain\/(\d+)$/.exec(target) ?? [];
  if (method === "CONNECT") socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  else if (target.startsWith("http:")) socket.destroy();
  else if (target === "/to-canary") socket.write(redirectTo(`http://127.0.0.1:${canaryPort}/`));
  else if (step !== undefined) socket.write(redirectTo(`/chain/${Number(step) + 1}`));
  else if (target === "/challenge") {
    const challenge = `WWW-Authenticate: Bearer realm="http://127.0.0.1:${canaryPort}/"`;
    const lines = ["HTTP/1.1 401 Unauthorized", challenge, "Set-Cookie: a=b", "Content-Length: 0", "", ""];
    socket.write(lines.join("\r\n"));
  } else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
}

function redirectTo(location: string): string {
  return `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

function hostOf({ headers }: WireRequest): string | undefined {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  return headers[at + 1]?.replace(/:\d+$/, "");
}

/** The second server is another origin: nothing that was for the registry may be in a request to it. */
function credentialsIn(requests: readonly WireRequest[]): string[] {
  return requests.flatMap(({ headers, target }) =>
    headers
      .filter((name, i) => i % 2 === 0 && /^(?:authorization|cookie)$/i.test(name))
      .map((name) => `${name} went with ${target} to another origin`),
  );
}

interface Canary {
  readonly port: number;
  connections(): number;
  close(): Promise<void>;
}

/** Listens on every loopback address that an input means, on one port. */
async function startCanary(): Promise<Canary> {
  let connections = 0;
  const servers: Server[] = [];
  let port = 0;
  for (const address of CANARY_ADDRESSES) {
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    server.listen(port, address);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  const close = async (): Promise<void> => {
    for (const server of servers) server.close();
  };
  return { port, connections: () => connections, close };
}

async function startCollector() {
  const received: string[] = [];
  const server = createHttpServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      received.push(body);
      response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
    });
  });
  server.listen(0, REGISTRY_ADDRESS);
  await once(server, "listening");
  return {
    url: `http://${REGISTRY_ADDRESS}:${(server.address() as AddressInfo).port}/v1/traces`,
    received,
    close: async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
    },
  };
}
