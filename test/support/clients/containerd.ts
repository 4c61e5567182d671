import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { nowMs, type Client, type Mirror, type PullOptions, type PullResult } from "./client.ts";
import { GrpcError, ImageService } from "./cri.ts";
import { startNowhere } from "./nowhere.ts";
import { eventually, makeFolder, removeFolder, runOk, runPull, startDaemon } from "./process.ts";
import { programPath, programVersion, type Release } from "./programs.ts";

export interface ContainerdOptions {
  readonly release: Release;
  /** Who pulls: the CRI's PullImage as the kubelet calls it, or the ctr command. */
  readonly api?: "cri" | "ctr";
  readonly mirrors?: readonly Mirror[];
  /** Texts of hosts.toml by folder name ("docker.io", "_default"), instead of ones made from `mirrors`. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Text added to config.toml, for settings under test. */
  readonly config?: string;
  /** Turns tracing on (containerd 2): a traceparent given to pull() then reaches the registry. Spans go to a sink on loopback. */
  readonly tracing?: boolean;
}

/** A containerd of its own: daemon, store, sockets. Needs root (it mounts overlays to unpack). */
export async function startContainerd(options: ContainerdOptions): Promise<Client> {
  const { release, api = "cri" } = options;
  const folder = await makeFolder("ctrd");
  const socket = join(folder, "s");
  const hostsFolder = join(folder, "certs.d");
  await writeHosts(hostsFolder, options);
  await writeFile(join(folder, "config.toml"), configuration(folder, hostsFolder, options));
  const sink = options.tracing === true ? await startTraceSink() : undefined;
  const tracing = sink
    ? { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }
    : undefined;
  const nowhere = await startNowhere();
  const env = { ...nowhere.env, TMPDIR: folder, ...tracing };
  const daemon = startDaemon(programPath("containerd", release), ["--config", join(folder, "config.toml")], env);
  await daemon.printed(/containerd successfully booted/);
  const service = new ImageService(socket);
  const ctr = programPath("ctr", release);
  const ctrArgs = ["--address", socket, "--namespace", "k8s.io"];
  await eventually("CRI answers", async () => service.listImages().catch(() => undefined));

  const pullByCtr = async (image: string, pull: PullOptions): Promise<PullResult> => {
    const { credentials } = pull;
    const user = credentials ? ["--user", `${credentials.username}:${credentials.password}`] : [];
    return runPull(ctr, [...ctrArgs, "images", "pull", "--hosts-dir", hostsFolder, ...user, image], env, pull);
  };
  return {
    name: api === "cri" ? "containerd" : "ctr",
    release,
    version: programVersion("containerd", release),
    pull: async (image, pull = {}) => (api === "cri" ? pullByCri(service, image, pull) : pullByCtr(image, pull)),
    remove: async (image) => {
      if ((await service.imageStatus(image)) === undefined) throw new Error(`containerd has no ${image}`);
      await service.removeImage(image);
    },
    list: async () => {
      const printed = await runOk(ctr, [...ctrArgs, "images", "list", "--quiet"], { env });
      return printed.split("\n").filter((line) => line !== "");
    },
    log: daemon.log,
    close: async () => {
      service.close();
      await daemon.stop();
      await sink?.close();
      await nowhere.close();
      await removeFolder(folder);
    },
  };
}

async function pullByCri(service: ImageService, image: string, pull: PullOptions): Promise<PullResult> {
  const startMs = nowMs();
  try {
    await service.pullImage(image, pull);
    return { exitCode: 0, error: "", startMs, endMs: nowMs() };
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    return { exitCode: error.code, error: error.message, startMs, endMs: nowMs() };
  }
}

/** https://github.com/containerd/containerd/blob/v2.1.9/docs/hosts.md */
async function writeHosts(folder: string, options: ContainerdOptions): Promise<void> {
  const made = (options.mirrors ?? []).map((mirror) => [mirror.registry, hostsToml(mirror)] as const);
  for (const [registry, text] of Object.entries(options.hosts ?? Object.fromEntries(made))) {
    const file = join(folder, registry, "hosts.toml");
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

function hostsToml(mirror: Mirror): string {
  const headers = Object.entries(mirror.headers ?? {}).map(([name, value]) => `    "${name}" = "${value}"`);
  return [
    mirror.upstream === undefined ? "" : `server = "${mirror.upstream}"`,
    `[host."${mirror.url}"]`,
    '  capabilities = ["pull", "resolve"]',
    `  [host."${mirror.url}".header]`,
    ...headers,
    "",
  ].join("\n");
}

/** The example's config.toml with folders of our own. */
function configuration(folder: string, hostsFolder: string, options: ContainerdOptions): string {
  const example = new URL(
    `../../../examples/containerd/config-${options.release === "sid" ? 2 : 1}.toml`,
    import.meta.url,
  );
  return [
    `root = "${join(folder, "root")}"`,
    `state = "${join(folder, "state")}"`,
    readFileSync(example, "utf8").replaceAll("/etc/containerd/certs.d", hostsFolder),
    `[grpc]`,
    `  address = "${join(folder, "s")}"`,
    options.config ?? "",
    "",
  ].join("\n");
}

/** Where spans go: answers every export with 200 and forgets it. */
async function startTraceSink(): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
