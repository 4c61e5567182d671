import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type Daemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import { isInstalled } from "../../rig/installed.ts";
import type { Candidate, StartOptions } from "../program.ts";

const WORKLOADS = new Set(["blob-tls", "blob-plain", "blob-redirect", "idle", "start"]);

/** distribution as a pull-through cache, on all cores. Emptied before each run: what it has, it serves without the upstream. */
export const dockerRegistry: Candidate = {
  name: "docker-registry",
  missing: () => (isInstalled("docker-registry") ? undefined : "docker-registry is not installed"),
  excluded: (workload) => (WORKLOADS.has(workload) ? undefined : "answers from its cache"),
  start: async (options) => {
    const [tls = 0, plain = 0] = await freePorts(2);
    const { upstream } = options;
    const remotes = [
      { port: tls, remote: `https://127.0.0.1:${upstream.tlsPort}` },
      { port: plain, remote: `http://127.0.0.1:${upstream.plainPort}` },
    ];
    let daemons: readonly Daemon[] = await startEach(options, remotes);
    const stop = async (): Promise<void> => void (await Promise.all(daemons.map((daemon) => daemon.stop())));
    const version = execFileSync("docker-registry", ["--version"], { encoding: "utf8" });
    return {
      name: "docker-registry",
      version: version.trim().split(" ").at(-1) ?? "",
      ports: { tls, plain },
      get pids() {
        return daemons.map(({ pid }) => pid);
      },
      startMs: daemons[0]?.startMs ?? 0,
      forget: async () => {
        await stop();
        daemons = await startEach(options, remotes);
      },
      stop,
    };
  },
};

function startEach(
  { folder, upstream }: StartOptions,
  remotes: readonly { readonly port: number; readonly remote: string }[],
): Promise<readonly Daemon[]> {
  return Promise.all(
    remotes.map(({ port, remote }) => {
      const own = join(folder, `docker-registry-${port}`);
      rmSync(own, { recursive: true, force: true });
      mkdirSync(own);
      const file = join(own, "config.yml");
      const configuration = {
        version: "0.1",
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: own }, maintenance: { uploadpurging: { enabled: false } } },
        http: { addr: `127.0.0.1:${port}`, secret: "bench" },
        proxy: { remoteurl: remote },
      };
      writeFileSync(file, JSON.stringify(configuration)); // JSON is YAML
      return startDaemon({
        command: ["docker-registry", "serve", file],
        logFile: `${own}.log`,
        ports: [port],
        env: { SSL_CERT_FILE: upstream.certificate.certificate },
      });
    }),
  );
}
