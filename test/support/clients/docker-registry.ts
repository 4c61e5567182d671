import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Credentials } from "./client.ts";
import type { Image, Index } from "./image.ts";
import { makeFolder, removeFolder, startDaemon } from "./process.ts";
import { programPath } from "./programs.ts";
import { pushImage } from "./push-image.ts";
import { ISSUER, SERVICE, startTokenServer, type TokenServer } from "./token-server.ts";

/** The one user of every registry that asks. */
export const ALICE: Credentials = { username: "alice", password: "correct-horse" };

/** bcrypt of ALICE's password at the lowest cost (4), so that checking it takes no time that a test would notice. */
const HTPASSWD = "alice:$2b$04$abcdefghijklmnopqrstuuPoaPXzWjiVz4HaNq2LJXksWbO79E.S6\n";

export interface DockerRegistry {
  /** "http://127.0.0.1:40123" */
  readonly url: string;
  /** "127.0.0.1:40123" */
  readonly host: string;
  /** The token service, with auth: "token". */
  readonly tokens: TokenServer | undefined;
  push(repository: string, tag: string, content: Image | Index): Promise<void>;
  readonly log: () => string;
  readonly close: () => Promise<void>;
}

/**
 * Debian's docker-registry (distribution 2.8) on a free loopback port.
 * auth "none": open; "basic": ALICE only; "token": bearer tokens, anonymous pulls except below private/, which is ALICE's.
 */
export async function startDockerRegistry(options: { auth: "none" | "basic" | "token" }): Promise<DockerRegistry> {
  const folder = await makeFolder("registry");
  const tokens = options.auth === "token" ? await startTokenServer(folder, ALICE) : undefined;
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "htpasswd"), HTPASSWD);
  await writeFile(join(folder, "config.json"), JSON.stringify(configuration(folder, options.auth, tokens), null, 2));
  const daemon = startDaemon(programPath("docker-registry", "bookworm"), ["serve", join(folder, "config.json")]);
  const [, host = ""] = await daemon.printed(/listening on (127\.0\.0\.1:\d+)/);
  const url = `http://${host}`;
  return {
    url,
    host,
    tokens,
    push: async (repository, tag, content) => {
      const access = [{ type: "repository", name: repository, actions: ["pull", "push"] }];
      const bearer = tokens && `Bearer ${tokens.issue(ALICE.username, access)}`;
      const authorization = options.auth === "basic" ? basic(ALICE) : bearer;
      await pushImage({ url, repository, authorization }, tag, content);
    },
    log: daemon.log,
    close: async () => {
      await daemon.stop();
      await tokens?.close();
      await removeFolder(folder);
    },
  };
}

export function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** https://distribution.github.io/distribution/about/configuration/ (JSON is YAML). */
function configuration(folder: string, auth: "none" | "basic" | "token", tokens?: TokenServer): object {
  const htpasswd = { realm: "tests", path: join(folder, "htpasswd") };
  const token = {
    realm: tokens?.realm,
    service: SERVICE,
    issuer: ISSUER,
    rootcertbundle: tokens?.certificateFile,
  };
  return {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, "data") },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: "127.0.0.1:0", secret: "tests" },
    ...(auth === "basic" ? { auth: { htpasswd } } : {}),
    ...(auth === "token" ? { auth: { token } } : {}),
  };
}
