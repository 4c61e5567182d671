import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Credentials } from "../access/credentials.ts";
import { parseBasicFile, parseBearerFile, type Parsed } from "../access/credentials-files.ts";
import { findTlsMistake, type Protection, type TlsMaterial } from "../access/protection.ts";
import { codeOf } from "./config-file.ts";
import { readCertificates } from "./certificates.ts";

/** Paths of the files that protect a listener, from the folder of the configuration file on. */
export interface ProtectionFiles {
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
  readonly auth?: { readonly basicFile?: string; readonly bearerFile?: string };
}

/** A file that cannot be used; `path` are the listener's keys that lead to it. */
export interface FileMistake {
  readonly path: readonly [string, string];
  readonly file: string;
  readonly message: string;
}

/** Reads everything; what has a mistake is left out. Never throws, and shows nothing of what is in a file. */
export function readProtection({ tls, auth }: ProtectionFiles): {
  readonly protection: Protection;
  readonly mistakes: readonly FileMistake[];
} {
  const mistakes: FileMistake[] = [];
  const material = tls && readTls(tls, mistakes);
  const credentials = auth && readCredentials(auth, mistakes);
  return { protection: { ...(material && { tls: material }), ...(credentials && { credentials }) }, mistakes };
}

/** Every file that is there to be watched. */
export function listFiles({ tls, auth }: ProtectionFiles): readonly string[] {
  const files = [tls?.certFile, tls?.keyFile, tls?.clientCaFile, auth?.basicFile, auth?.bearerFile];
  return files.filter((file) => file !== undefined);
}

function readTls(
  { certFile, keyFile, clientCaFile }: NonNullable<ProtectionFiles["tls"]>,
  mistakes: FileMistake[],
): TlsMaterial | undefined {
  const cert = readPem(["tls", "certFile"], certFile, mistakes);
  const key = readText(["tls", "keyFile"], keyFile, mistakes);
  const clientCa = clientCaFile === undefined ? undefined : readPem(["tls", "clientCaFile"], clientCaFile, mistakes);
  if (cert === undefined || key === undefined) return undefined;
  const message = findKeyMistake(cert, key);
  if (message !== undefined) {
    mistakes.push({ path: ["tls", "keyFile"], file: keyFile, message });
    return undefined;
  }
  const material = { cert, key, ...(clientCa !== undefined && { clientCa }) };
  const refused = findTlsMistake(material);
  if (refused === undefined) return material;
  const told = `refused by OpenSSL; expected a certificate that is good for TLS (${refused})`;
  mistakes.push({ path: ["tls", "certFile"], file: certFile, message: told });
  return undefined;
}

function findKeyMistake(cert: string, key: string): string | undefined {
  try {
    const matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return matches ? undefined : "not the key of the certificate; expected the one that certFile was made for";
  } catch {
    return "no private key in it; expected a PEM file of a key without passphrase";
  }
}

function readCredentials(
  { basicFile, bearerFile }: NonNullable<ProtectionFiles["auth"]>,
  mistakes: FileMistake[],
): Credentials {
  const users = basicFile === undefined ? [] : readEntries("basicFile", basicFile, parseBasicFile, mistakes);
  const tokens = bearerFile === undefined ? [] : readEntries("bearerFile", bearerFile, parseBearerFile, mistakes);
  return new Credentials(users, tokens);
}

function readEntries<Entry>(
  key: string,
  file: string,
  parse: (text: string) => Parsed<Entry>,
  mistakes: FileMistake[],
): readonly Entry[] {
  const text = readText(["auth", key], file, mistakes);
  if (text === undefined) return [];
  const parsed = parse(text);
  if ("entries" in parsed) return parsed.entries;
  mistakes.push({ path: ["auth", key], file, message: parsed.mistake });
  return [];
}

function readPem(path: FileMistake["path"], file: string, mistakes: FileMistake[]): string | undefined {
  const read = readCertificates(file, undefined);
  if ("pem" in read) return read.pem;
  mistakes.push({ path, file, message: read.mistake });
  return undefined;
}

function readText(path: FileMistake["path"], file: string, mistakes: FileMistake[]): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    mistakes.push({ path, file, message: `cannot be read; expected a file (${codeOf(error)})` });
    return undefined;
  }
}
