import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Both in one file, as HAProxy wants them. */
  readonly bundle: string;
}

/** A certificate for localhost and 127.0.0.1 that signs itself: RSA 2048, as most registries have, good for two days. */
export function makeCertificate(folder: string): CertificateFiles {
  const certificate = join(folder, "certificate.pem");
  const key = join(folder, "key.pem");
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", [...request, ...names, "-keyout", key, "-out", certificate], { stdio: "pipe" });
  const bundle = join(folder, "bundle.pem");
  writeFileSync(bundle, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  return { certificate, key, bundle };
}
