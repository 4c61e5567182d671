import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import { isInstalled } from "../../rig/installed.ts";
import { followsNoRedirects } from "../exclusions.ts";
import type { Candidate } from "../program.ts";

/** Go, on all cores. */
export const caddy: Candidate = {
  name: "caddy",
  missing: () => (isInstalled("caddy") ? undefined : "caddy is not installed"),
  excluded: followsNoRedirects,
  start: async ({ folder, upstream }) => {
    const [tls = 0, plain = 0] = await freePorts(2);
    const file = join(folder, "Caddyfile");
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
}
http://127.0.0.1:${tls} {
  bind 127.0.0.1
  reverse_proxy https://127.0.0.1:${upstream.tlsPort} {
    transport http {
      tls_trusted_ca_certs ${upstream.certificate.certificate}
      tls_server_name localhost
      keepalive_idle_conns_per_host 256
    }
  }
}
http://127.0.0.1:${plain} {
  bind 127.0.0.1
  reverse_proxy http://127.0.0.1:${upstream.plainPort} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
    );
    const daemon = await startDaemon({
      command: ["caddy", "run", "--config", file, "--adapter", "caddyfile"],
      logFile: join(folder, "caddy.log"),
      ports: [tls, plain],
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
    return {
      name: "caddy",
      version: execFileSync("caddy", ["version"], { encoding: "utf8" }).trim().split(" ")[0] ?? "",
      ports: { tls, plain },
      pids: [daemon.pid],
      startMs: daemon.startMs,
      stop: () => daemon.stop(),
    };
  },
};
