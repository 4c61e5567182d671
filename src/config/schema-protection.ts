import * as z from "zod";
import { filePath } from "./value.ts";

/** Settings of whoever listens: how its connections are protected. */
export const tls = z
  .strictObject({
    certFile: filePath().describe(
      "PEM file of the listener's certificate, and of those between it and its CA. Relative to the configuration file, like all files; read again when it changes.",
    ),
    keyFile: filePath().describe("PEM file of the certificate's private key, without passphrase."),
    clientCaFile: filePath()
      .optional()
      .describe(
        "PEM file of the CAs whose clients may connect: all others are refused in the handshake (mTLS). Default: every client may.",
      ),
  })
  .optional();

/** And who may use it. */
export const auth = z
  .strictObject({
    basicFile: filePath()
      .optional()
      .describe("File of users, one `NAME:HASH` on each line as `pullmeter hash-password NAME` prints it."),
    bearerFile: filePath().optional().describe("File of tokens, one on each line."),
  })
  .optional();
