import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "..", "fixtures", "tls");

/** A certificate for registry.test, localhost and 127.0.0.1 until 2126, and the CA that signed it; whose key is gone. */
export const TEST_TLS = {
  ca: readFileSync(join(FOLDER, "ca.pem"), "utf8"),
  cert: readFileSync(join(FOLDER, "cert.pem"), "utf8"),
  key: readFileSync(join(FOLDER, "key.pem"), "utf8"),
  /** A certificate for the same names and key that signs itself, and was good on 2020-01-01 only. */
  expired: readFileSync(join(FOLDER, "expired.pem"), "utf8"),
  /** Another CA, and what it signed, all of it for one key: a client, the same of 2020-01-01 only, and a server of the same names. */
  clientCa: readFileSync(join(FOLDER, "client-ca.pem"), "utf8"),
  client: readFileSync(join(FOLDER, "client.pem"), "utf8"),
  clientExpired: readFileSync(join(FOLDER, "client-expired.pem"), "utf8"),
  rotated: readFileSync(join(FOLDER, "rotated.pem"), "utf8"),
  clientKey: readFileSync(join(FOLDER, "client-key.pem"), "utf8"),
};
