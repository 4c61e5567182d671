import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf } from "./config-file.ts";

/** Certificates of a PEM file, or why it cannot be used. */
export type Certificates = { readonly pem: string } | { readonly mistake: string };

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads a `caFile`; a relative path starts at the folder of the configuration file, if there is one. Never throws. */
export function readCertificates(path: string, configFile: string | undefined): Certificates {
  let text;
  try {
    text = readFileSync(configFile === undefined ? path : resolve(dirname(configFile), path), "utf8");
  } catch (error) {
    return { mistake: `cannot be read; expected a PEM file (${codeOf(error)})` };
  }
  const found = text.match(PEM_CERTIFICATE) ?? [];
  const good = found.length > 0 && found.every(isCertificate);
  return good ? { pem: text } : { mistake: "no certificates in it; expected a PEM file of certificates" };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
