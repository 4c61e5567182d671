import type { Client, PullOptions } from "./client.ts";
import { makeContainersHome, type ContainersOptions } from "./containers-config.ts";
import { runOk, runPull } from "./process.ts";
import { programPath, programVersion } from "./programs.ts";

/** podman, one process per pull, all over one store. */
export async function createPodman(options: ContainersOptions): Promise<Client> {
  const { release } = options;
  const path = programPath("podman", release);
  const { env, policyFile, close } = await makeContainersHome("podman", options);
  let lastError = "";
  return {
    name: "podman",
    release,
    version: programVersion("podman", release),
    pull: async (image, pull: PullOptions = {}) => {
      const { authFile, credentials } = pull;
      const creds = credentials ? [`--creds=${credentials.username}:${credentials.password}`] : [];
      const auth = authFile === undefined ? [] : [`--authfile=${authFile}`];
      const certs = options.certFolder === undefined ? [] : [`--cert-dir=${options.certFolder}`];
      const args = ["pull", "--quiet", `--signature-policy=${policyFile}`, ...certs, ...auth, ...creds, image];
      const result = await runPull(path, args, env, pull);
      lastError = result.error;
      return result;
    },
    remove: async (image) => void (await runOk(path, ["rmi", image], { env })),
    list: async () => {
      const printed = await runOk(path, ["images", "--format", "{{.Repository}}:{{.Tag}}"], { env });
      return printed.split("\n").filter((line) => line !== "");
    },
    log: () => lastError,
    close,
  };
}
