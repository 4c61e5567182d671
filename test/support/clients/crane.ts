import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Credentials } from "./client.ts";
import { basic } from "./docker-registry.ts";
import { startNowhere } from "./nowhere.ts";
import { makeFolder, removeFolder, runPull } from "./process.ts";
import type { PullResult } from "./client.ts";

/** https://github.com/google/go-containerregistry/releases; Debian has no package of it. */
const CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1";

/** 5 min: to fetch and compile it, with an empty cache. */
const BUILD_TIMEOUT_MS = 300_000;

export interface Crane {
  /** Pulls into a folder of its own, with credentials for `host`. */
  pull(image: string, host: string, credentials?: Credentials): Promise<PullResult>;
  readonly close: () => Promise<void>;
}

/** Builds crane with the system's Go. */
export async function createCrane(): Promise<Crane> {
  const folder = await makeFolder("crane");
  await promisify(execFile)("go", ["install", CRANE], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" },
    timeout: BUILD_TIMEOUT_MS,
  });
  const nowhere = await startNowhere();
  let pulls = 0;
  return {
    pull: async (image, host, credentials) => {
      const config = join(folder, `config-${(pulls += 1)}`);
      const auth = credentials && basic(credentials).replace("Basic ", "");
      await mkdir(config);
      await writeFile(
        join(config, "config.json"),
        JSON.stringify({ auths: auth === undefined ? {} : { [host]: { auth } } }),
      );
      const env = { ...nowhere.env, DOCKER_CONFIG: config, HOME: folder };
      return runPull(join(folder, "crane"), ["pull", "--insecure", image, join(config, "image.tar")], env, {});
    },
    close: async () => {
      await nowhere.close();
      await removeFolder(folder);
    },
  };
}
