import { spawnSync } from "node:child_process";
import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Credentials } from "./client.ts";
import { programPath } from "./programs.ts";

export const ISSUER = "pullmeter tests";
export const SERVICE = "registry";

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export interface TokenServer {
  /** What the registry puts into its WWW-Authenticate. */
  readonly realm: string;
  /** Self-signed certificate of the signing key, for the registry's rootcertbundle. */
  readonly certificateFile: string;
  /** Number of tokens given to nobody and to a user, and of refusals, so far. */
  readonly answers: { anonymous: number; user: number; refused: number };
  issue(user: string, access: readonly Access[]): string;
  readonly close: () => Promise<void>;
}

/**
 * A token service: anonymous callers may pull, except from repositories below private/, which belong to the one user.
 * Wrong credentials are refused with 401.
 * https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/
 */
export async function startTokenServer(folder: string, user: Credentials): Promise<TokenServer> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const keyFile = join(folder, "token-key.pem");
  const certificateFile = join(folder, "token-certificate.pem");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const request = ["req", "-x509", "-key", keyFile, "-subj", "/CN=test", "-days", "2", "-out", certificateFile];
  const made = spawnSync(programPath("openssl", "bookworm"), request, { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`openssl req: ${made.stderr}`);

  const answers = { anonymous: 0, user: 0, refused: 0 };
  const issue = (subject: string, access: readonly Access[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: "JWT", alg: "RS256", kid: keyId(spki) };
    const claims = {
      iss: ISSUER,
      aud: SERVICE,
      sub: subject,
      iat: now,
      nbf: now - 60,
      exp: now + 300,
      jti: randomUUID(),
    };
    const signed = [header, { ...claims, access }].map((part) => base64url(JSON.stringify(part))).join(".");
    return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
  };

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const question = await readQuestion(incoming);
    const known = question.username === user.username && question.password === user.password;
    if (question.username !== undefined && !known) {
      answers.refused += 1;
      outgoing
        .writeHead(401, { "content-type": "application/json" })
        .end('{"details":"incorrect username or password"}');
      return;
    }
    answers[known ? "user" : "anonymous"] += 1;
    const access = question.scopes.map(parseScope).filter((one) => known || !one.name.startsWith("private/"));
    const token = issue(known ? user.username : "", access);
    const body = JSON.stringify({ token, access_token: token, expires_in: 300 });
    outgoing.writeHead(200, { "content-type": "application/json" }).end(body);
  };
  // A caller that went away while asking gets no answer.
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing).catch(() => outgoing.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    certificateFile,
    answers,
    issue,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

interface Question {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly scopes: readonly string[];
}

/** GET with Basic, or POST with a form (OAuth 2 password grant): containerd and docker try the second first. */
async function readQuestion(incoming: IncomingMessage): Promise<Question> {
  if (incoming.method === "POST") {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const form = new URLSearchParams(body);
    const username = form.get("username") ?? undefined;
    return { username, password: form.get("password") ?? undefined, scopes: (form.get("scope") ?? "").split(" ") };
  }
  const scopes = new URL(incoming.url ?? "/", "http://host").searchParams.getAll("scope");
  const basic = /^Basic (.+)$/i.exec(incoming.headers.authorization ?? "")?.[1];
  if (basic === undefined) return { scopes };
  const [username = "", password] = Buffer.from(basic, "base64").toString().split(":");
  return username === "" ? { scopes } : { username, password, scopes };
}

function parseScope(scope: string): Access {
  const [type = "", name = "", actions = ""] = scope.split(":");
  return { type, name, actions: actions.split(",") };
}

/** libtrust's key id, by which distribution 2 finds the key: 240 bits of the key's SHA-256 in base32, in groups of four. */
function keyId(spki: Buffer): string {
  const digest = createHash("sha256").update(spki).digest().subarray(0, 30);
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)],
  );
  return (letters.join("").match(/.{4}/g) ?? []).join(":");
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
