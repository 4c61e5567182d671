import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join, normalize } from "node:path";
import { pipeline } from "node:stream";
import type { CertificateFiles } from "./certificate.ts";

// The upstream where nginx is not installed: files as they are, and one repository that answers with redirects.

interface Options {
  readonly root: string;
  readonly certificate: CertificateFiles;
  readonly ports: { readonly plainPort: number; readonly tlsPort: number; readonly storePort: number };
  readonly redirect: { readonly from: string; readonly to: string };
  readonly manifestType: string;
}

const { root, certificate, ports, redirect, manifestType } = JSON.parse(
  readFileSync(process.argv[2] ?? "", "utf8"),
) as Options;

/** Large reads: one system call for 256 KiB. */
const READ_BYTES = 262_144;

const serve: RequestListener = (request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://upstream").pathname);
  if (path === "/v2/") return void response.setHeader("content-type", "application/json").end("{}");
  if (path.startsWith(`/v2/${redirect.from}/blobs/`)) {
    const target = path.replace(redirect.from, redirect.to);
    return void response.writeHead(307, { location: `https://127.0.0.1:${ports.storePort}${target}` }).end();
  }
  sendFile(request, response, path);
};

function sendFile(request: IncomingMessage, response: ServerResponse, path: string): void {
  const file = join(root, path);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return void response.writeHead(404).end();
  const type = path.includes("/manifests/") ? manifestType : "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-length": size });
  if (request.method === "HEAD") return void response.end();
  pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), response, () => {
    // A client that goes away is what some workloads are about.
  });
}

const key = { cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key), minVersion: "TLSv1.3" };
const timeouts = { keepAliveTimeout: 300_000, requestTimeout: 0 };
createServer(timeouts, serve).listen(ports.plainPort, "127.0.0.1");
for (const port of [ports.tlsPort, ports.storePort]) {
  createTlsServer({ ...key, minVersion: "TLSv1.3", ...timeouts }, serve).listen(port, "127.0.0.1");
}
