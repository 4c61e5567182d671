import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes a configuration of nginx: one process that keeps all its files in `folder` and never closes a busy connection. */
export function nginxFile(
  folder: string,
  { name, connections, http }: { readonly name: string; readonly connections: number; readonly http: string },
): string {
  const own = join(folder, `nginx-${name}`);
  mkdirSync(own, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${own}/${kind};`)
    .join("\n");
  const file = join(own, "nginx.conf");
  // Without a master process: its end would leave the worker behind.
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${own}/pid;
error_log stderr error;
events { worker_connections ${connections}; }
http {
${temporary}
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
${http}
}
`,
  );
  return file;
}
