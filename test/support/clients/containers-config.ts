import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mirror } from "./client.ts";
import { startNowhere } from "./nowhere.ts";
import { makeFolder, removeFolder } from "./process.ts";
import { helperFolder, type Release } from "./programs.ts";

/** What podman, buildah and skopeo need, all within one folder. */
export interface ContainersHome {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly policyFile: string;
  readonly registriesFile: string;
  readonly close: () => Promise<void>;
}

export interface ContainersOptions {
  readonly release: Release;
  readonly mirrors?: readonly Mirror[];
  /** The text of registries.conf, instead of one made from `mirrors`. */
  readonly registriesConf?: string;
  /** The text of an auth.json: `{"auths":{"127.0.0.1:5001":{"auth":"<base64 user:password>"}}}`. */
  readonly authJson?: string;
  /** A folder with ca.crt, and for client certificates client.cert and client.key. */
  readonly certFolder?: string;
}

/** https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md */
function registriesConf(mirrors: readonly Mirror[]): string {
  return mirrors.map(registryTable).join("\n");
}

function registryTable(mirror: Mirror): string {
  const upstream = new URL(mirror.upstream ?? `https://${mirror.registry}`);
  return [
    "[[registry]]",
    `prefix = "${mirror.registry}"`,
    `location = "${upstream.host}"`,
    `insecure = ${String(upstream.protocol === "http:")}`,
    "[[registry.mirror]]",
    `location = "${new URL(mirror.url).host}"`,
    `insecure = ${String(mirror.url.startsWith("http:"))}`,
    "",
  ].join("\n");
}

export async function makeContainersHome(name: string, options: ContainersOptions): Promise<ContainersHome> {
  const folder = await makeFolder(name);
  const nowhere = await startNowhere();
  const file = (path: string): string => join(folder, path);
  await mkdir(file("conf.d"), { recursive: true });
  await mkdir(file("tmp"), { recursive: true });
  await mkdir(file("home"), { recursive: true });
  const store = ["[storage]", 'driver = "overlay"', `graphroot = "${file("graph")}"`, `runroot = "${file("run")}"`, ""];
  // No daemon and no container: nothing needs an event log, a cgroup manager or a network.
  const engine = [
    "[engine]",
    'events_logger = "none"',
    'cgroup_manager = "cgroupfs"',
    `tmp_dir = "${file("tmp")}"`,
    `helper_binaries_dir = ["${helperFolder(options.release)}"]`,
    "",
  ];
  await writeFile(file("storage.conf"), store.join("\n"));
  await writeFile(file("containers.conf"), engine.join("\n"));
  await writeFile(file("registries.conf"), options.registriesConf ?? registriesConf(options.mirrors ?? []));
  await writeFile(file("policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  await writeFile(file("auth.json"), options.authJson ?? '{"auths":{}}\n');
  return {
    folder,
    close: async () => {
      await nowhere.close();
      await removeFolder(folder);
    },
    policyFile: file("policy.json"),
    registriesFile: file("registries.conf"),
    env: {
      ...nowhere.env,
      CONTAINERS_CONF: file("containers.conf"),
      CONTAINERS_REGISTRIES_CONF: file("registries.conf"),
      CONTAINERS_STORAGE_CONF: file("storage.conf"),
      REGISTRY_AUTH_FILE: file("auth.json"),
      PODMAN_IGNORE_CGROUPSV1_WARNING: "1",
      HOME: file("home"),
      TMPDIR: file("tmp"),
      XDG_RUNTIME_DIR: file("tmp"),
    },
  };
}
