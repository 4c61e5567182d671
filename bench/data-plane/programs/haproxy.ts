import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import { isInstalled } from "../../rig/installed.ts";
import { followsNoRedirects } from "../exclusions.ts";
import type { Candidate } from "../program.ts";

/** One thread; splices where the upstream is not encrypted. */
export const haproxy: Candidate = {
  name: "haproxy",
  missing: () => (isInstalled("haproxy") ? undefined : "haproxy is not installed"),
  excluded: followsNoRedirects,
  start: async ({ folder, upstream }) => {
    const [tls = 0, plain = 0] = await freePorts(2);
    const file = join(folder, "haproxy.cfg");
    const ca = upstream.certificate.certificate;
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  http-reuse always
  option splice-response
listen tls
  bind 127.0.0.1:${tls}
  server upstream 127.0.0.1:${upstream.tlsPort} ssl verify required ca-file ${ca} verifyhost localhost
listen plain
  bind 127.0.0.1:${plain}
  server upstream 127.0.0.1:${upstream.plainPort}
`,
    );
    const logFile = join(folder, "haproxy.log");
    const daemon = await startDaemon({ command: ["haproxy", "-db", "-f", file], logFile, ports: [tls, plain] });
    const version = execFileSync("haproxy", ["-v"], { encoding: "utf8" });
    return {
      name: "haproxy",
      version: /version (\d+[\d.]*)/.exec(version)?.[1] ?? "",
      ports: { tls, plain },
      pids: [daemon.pid],
      startMs: daemon.startMs,
      stop: () => daemon.stop(),
    };
  },
};
