import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import { isInstalled } from "../../rig/installed.ts";
import { nginxFile } from "../../rig/nginx-file.ts";
import { REDIRECTED, type Upstream } from "../../rig/upstream.ts";
import type { Candidate, Program, StartOptions } from "../program.ts";

/** Two for each of 500 clients, and some: nginx keeps half a kilobyte for each from the start. */
const MAX_CONNECTIONS = 2_048;

/** As nginx comes it reads and writes 4 KiB at a time, which is easily beaten; with 64 KiB it is the reference. */
export function nginx(name: string, bufferKib: number | undefined): Candidate {
  return {
    name,
    missing: () => (isInstalled("nginx") ? undefined : "nginx is not installed"),
    start: (options) => start(name, bufferKib, options),
  };
}

async function start(
  name: string,
  bufferKib: number | undefined,
  { folder, upstream }: StartOptions,
): Promise<Program> {
  const [tls = 0, plain = 0] = await freePorts(2);
  const file = nginxFile(folder, {
    name,
    connections: MAX_CONNECTIONS,
    http: configuration(upstream, { tls, plain }, bufferKib),
  });
  const logFile = join(folder, `${name}.log`);
  const daemon = await startDaemon({ command: ["nginx", "-c", file], logFile, ports: [tls, plain] });
  return {
    name,
    version: spawnSync("nginx", ["-v"], { encoding: "utf8" }).stderr.trim().replace("nginx version: nginx/", ""),
    ports: { tls, plain },
    pids: [daemon.pid],
    startMs: daemon.startMs,
    stop: () => daemon.stop(),
  };
}

function configuration(
  upstream: Upstream,
  ports: { readonly tls: number; readonly plain: number },
  bufferKib: number | undefined,
): string {
  const buffers =
    bufferKib === undefined
      ? ""
      : `
  proxy_buffer_size ${bufferKib}k;
  proxy_buffers 8 ${bufferKib}k;
  proxy_busy_buffers_size ${2 * bufferKib}k;`;
  return `
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;${buffers}
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${upstream.certificate.certificate};
  proxy_ssl_name localhost;
  proxy_ssl_protocols TLSv1.3;
  upstream tls { server 127.0.0.1:${upstream.tlsPort}; keepalive 64; keepalive_requests 1000000; }
  upstream plain { server 127.0.0.1:${upstream.plainPort}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports.tls} backlog=8192;
    location / { proxy_pass https://tls; }
    location /v2/${REDIRECTED}/blobs/ {
      proxy_pass https://tls;
      proxy_intercept_errors on;
      error_page 307 = @follow;
    }
    location @follow {
      set $target $upstream_http_location;
      proxy_pass $target;
    }
  }
  server {
    listen 127.0.0.1:${ports.plain} backlog=8192;
    location / { proxy_pass http://plain; }
  }`;
}
