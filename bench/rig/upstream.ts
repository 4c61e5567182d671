import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CertificateFiles } from "./certificate.ts";
import { startDaemon } from "./daemon.ts";
import { freePorts } from "./free-ports.ts";
import { MANIFEST_TYPE, type ImageFiles } from "./images.ts";
import { nginxFile } from "./nginx-file.ts";
import { isInstalled } from "./installed.ts";

/** The registry's side of every measurement: one program that serves the same images in three ways. */
export interface Upstream {
  readonly program: "nginx" | "node";
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly certificate: CertificateFiles;
  stop(): Promise<void>;
}

/** Blobs of this repository are answered by a 307 to the same blob of REDIRECT_TARGET, on a third port with TLS. */
export const REDIRECTED = "bench/redirected";
export const REDIRECT_TARGET = "bench/app";

export interface UpstreamOptions {
  readonly folder: string;
  readonly root: string;
  readonly images: readonly ImageFiles[];
  readonly certificate: CertificateFiles;
}

/** nginx where it is installed; else a file server of Node.js, which costs more and so leaves less to the programs. */
export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const [plainPort = 0, tlsPort = 0, storePort = 0] = await freePorts(3);
  const ports = { plainPort, tlsPort, storePort };
  const program = isInstalled("nginx") ? "nginx" : "node";
  const command = program === "nginx" ? nginxCommand(options, ports) : nodeCommand(options, ports);
  const logFile = join(options.folder, "upstream.log");
  const daemon = await startDaemon({ command, logFile, ports: Object.values(ports) });
  return { program, plainPort, tlsPort, certificate: options.certificate, stop: () => daemon.stop() };
}

interface Ports {
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly storePort: number;
}

function nginxCommand(
  { folder, root, images, certificate }: UpstreamOptions,
  { plainPort, tlsPort, storePort }: Ports,
): [string, ...string[]] {
  const manifests = images.map(
    ({ repository, manifest }) => `
    location /v2/${repository}/manifests/ {
      default_type ${MANIFEST_TYPE};
      add_header Docker-Content-Digest ${manifest.digest};
    }`,
  );
  const content = `
    root ${root};
    default_type application/octet-stream;
    location = /v2/ { default_type application/json; return 200 "{}"; }
    location /v2/${REDIRECTED}/blobs/ {
      rewrite ^/v2/${REDIRECTED}/(.*)$ /v2/${REDIRECT_TARGET}/$1 break;
      return 307 https://127.0.0.1:${storePort}$uri;
    }${manifests.join("")}`;
  const tls = `
    ssl_certificate ${certificate.certificate};
    ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.3;`;
  const file = nginxFile(folder, {
    name: "upstream",
    connections: 16_384,
    http: `
  server { listen 127.0.0.1:${plainPort} backlog=8192;${content}
  }
  server { listen 127.0.0.1:${tlsPort} ssl backlog=8192;${tls}${content}
  }
  server { listen 127.0.0.1:${storePort} ssl backlog=8192;${tls}${content}
  }`,
  });
  return ["nginx", "-c", file];
}

function nodeCommand({ folder, root, certificate }: UpstreamOptions, ports: Ports): [string, ...string[]] {
  const file = join(folder, "upstream.json");
  const redirect = { from: REDIRECTED, to: REDIRECT_TARGET };
  writeFileSync(file, JSON.stringify({ root, certificate, ports, redirect, manifestType: MANIFEST_TYPE }));
  return [process.execPath, join(import.meta.dirname, "node-upstream-main.ts"), file];
}
