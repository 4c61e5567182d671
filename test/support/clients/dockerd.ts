import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { delimiter, dirname, join } from "node:path";
import { nowMs, type Client, type Credentials, type PullOptions, type PullResult } from "./client.ts";
import { startNowhere } from "./nowhere.ts";
import { makeFolder, removeFolder, startDaemon } from "./process.ts";
import { programPath, programVersion, type Release } from "./programs.ts";

export interface DockerdOptions {
  readonly release: Release;
  /** URL of the mirror. Docker asks it for docker.io only. */
  readonly mirror?: string;
  /** The text of daemon.json. */
  readonly daemonJson?: string;
  /** Where images go: Docker's own graph drivers, or containerd's store (sid only), the default of Docker 29. */
  readonly imageStore?: "graphdriver" | "containerd";
}

/** A Docker engine of its own with the containerd that it starts. Needs root. Pulls by the engine's API, as the docker command does. */
export async function startDockerd(options: DockerdOptions): Promise<Client> {
  const { release } = options;
  const folder = await makeFolder("dockerd");
  const nowhere = await startNowhere();
  const socket = join(folder, "s");
  const program = programPath("dockerd", release);
  await mkdir(join(folder, "etc"));
  await writeFile(join(folder, "etc/daemon.json"), daemonJson(options));
  // No containers are run: no bridge, no firewall rules.
  const flags = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2"];
  const paths = ["data-root", "exec-root", "pidfile"].map((name) => `--${name}=${join(folder, name)}`);
  const config = `--config-file=${join(folder, "etc/daemon.json")}`;
  const usedFlags = options.imageStore === "containerd" ? flags.slice(0, -1) : flags;
  const binaries = [dirname(programPath("containerd", release)), dirname(program), process.env["PATH"] ?? ""];
  const env = { ...nowhere.env, TMPDIR: folder, PATH: binaries.join(delimiter) };
  const daemon = startDaemon(program, [config, ...paths, `--host=unix://${socket}`, ...usedFlags], env);
  await daemon.printed(/API listen on/);
  return {
    name: "dockerd",
    release,
    version: programVersion("dockerd", release),
    pull: async (image, pull = {}) => pullByApi(socket, image, pull),
    remove: async (image) => {
      const answer = await call(socket, "DELETE", `/images/${image}?force=true`);
      if (answer.status !== 200) throw new Error(`dockerd: ${answer.body}`);
    },
    list: async () => {
      const images = JSON.parse((await call(socket, "GET", "/images/json")).body) as { RepoTags: string[] | null }[];
      return images.flatMap((image) => image.RepoTags ?? []);
    },
    log: daemon.log,
    close: async () => {
      await daemon.stop();
      await nowhere.close();
      await removeFolder(folder);
    },
  };
}

function daemonJson({ daemonJson: given = "{}", mirror, imageStore }: DockerdOptions): string {
  const mirrors = mirror === undefined ? {} : { "registry-mirrors": [mirror] };
  const features = imageStore === "containerd" ? { features: { "containerd-snapshotter": true } } : {};
  return JSON.stringify({ ...(JSON.parse(given) as object), ...mirrors, ...features });
}

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageCreate */
async function pullByApi(socket: string, image: string, pull: PullOptions): Promise<PullResult> {
  const { credentials, signal } = pull;
  const headers: Record<string, string> = credentials ? { "x-registry-auth": registryAuth(credentials) } : {};
  const startMs = nowMs();
  try {
    const path = `/images/create?fromImage=${encodeURIComponent(image)}`;
    const answer = await call(socket, "POST", path, { headers, ...(signal ? { signal } : {}) });
    // The head says 200 before the pull begins; how it ended is in the last line of progress.
    const error = answer.status === 200 ? /"error":"(.*)"\}/.exec(answer.body)?.[1] : answer.body;
    return { exitCode: error === undefined ? 0 : 1, error: error ?? "", startMs, endMs: nowMs() };
  } catch (error) {
    return { exitCode: 1, error: String(error), startMs, endMs: nowMs() };
  }
}

/** What `docker login` without a server stores: Docker Hub's. In base64url with padding, or the engine ignores it silently. */
function registryAuth(credentials: Credentials): string {
  const auth = { ...credentials, serveraddress: "https://index.docker.io/v1/" };
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

async function call(socketPath: string, method: string, path: string, options: CallOptions = {}) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sent = request({ socketPath, method, path: `/v1.41${path}`, ...options });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.end();
  });
}
