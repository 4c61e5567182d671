import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client, PullOptions } from "./client.ts";
import { makeContainersHome, type ContainersOptions } from "./containers-config.ts";
import { runPull } from "./process.ts";
import { programPath, programVersion } from "./programs.ts";

/** skopeo copy into OCI layout folders, one for each image: a repeated pull finds its layers on disk. */
export async function createSkopeo(options: ContainersOptions): Promise<Client> {
  const { release } = options;
  const path = programPath("skopeo", release);
  const { env, policyFile, registriesFile, close, folder } = await makeContainersHome("skopeo", options);
  const store = join(folder, "images");
  await mkdir(store);
  const layout = (image: string): string => join(store, encodeURIComponent(image));
  let lastError = "";
  return {
    name: "skopeo",
    release,
    version: programVersion("skopeo", release),
    pull: async (image, pull: PullOptions = {}) => {
      const { credentials } = pull;
      const creds = credentials ? [`--src-creds=${credentials.username}:${credentials.password}`] : [];
      const args = ["copy", "--quiet", ...creds, `docker://${image}`, `oci:${layout(image)}:pulled`];
      const result = await runPull(
        path,
        [`--policy=${policyFile}`, `--registries-conf=${registriesFile}`, ...args],
        env,
        pull,
      );
      lastError = result.error;
      return result;
    },
    remove: async (image) => rm(layout(image), { recursive: true }),
    list: async () => (await readdir(store)).map(decodeURIComponent),
    log: () => lastError,
    close,
  };
}
