import { createSecureContext, type TlsOptions } from "node:tls";
import type { Credentials } from "./credentials.ts";

/** Who may use a listener, and how its connections are protected: what files say, read and checked. */
export interface Protection {
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial;
  /** Absent: everybody. */
  readonly credentials?: Credentials;
}

/** PEM texts. */
export interface TlsMaterial {
  /** The server's own certificate, then those between it and its CA. */
  readonly cert: string;
  readonly key: string;
  /** Clients show a certificate of one of these, or are refused in the handshake. */
  readonly clientCa?: string;
}

/** What a server is made with, and what `setSecureContext` replaces. */
export function toTlsOptions({ cert, key, clientCa }: TlsMaterial): TlsOptions {
  const options: TlsOptions = { cert, key, minVersion: "TLSv1.2" };
  return clientCa === undefined ? options : { ...options, ca: clientCa, requestCert: true, rejectUnauthorized: true };
}

/** What OpenSSL has against it, such as a key that is too short; undefined if nothing. */
export function findTlsMistake(material: TlsMaterial): string | undefined {
  try {
    createSecureContext(toTlsOptions(material));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
