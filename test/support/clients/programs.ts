import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Debian's release that a program comes from: the system's own packages (bookworm), or the folder that .ci/install fills from sid. */
export type Release = "bookworm" | "sid";

export type Program =
  | "buildah"
  | "containerd"
  | "ctr"
  | "docker-registry"
  | "dockerd"
  | "openssl"
  | "podman"
  | "prometheus"
  | "prometheus-pushgateway"
  | "promtool"
  | "skopeo";

const SID = process.env["SID_CLIENTS"] ?? fileURLToPath(new URL("../../../.cache/sid", import.meta.url));

function folders(release: Release): readonly string[] {
  if (release === "sid") return [join(SID, "unpacked/usr/bin"), join(SID, "unpacked/usr/sbin")];
  return ["/usr/bin", "/usr/sbin", ...(process.env["PATH"] ?? "").split(delimiter)];
}

/** Where podman finds its helpers: it wants netavark to be there even for a pull. */
export function helperFolder(release: Release): string {
  return release === "sid" ? join(SID, "unpacked/usr/lib/podman") : "/usr/lib/podman";
}

/** Path of a program, or undefined if it is not installed. */
export function findProgram(program: Program, release: Release): string | undefined {
  return folders(release)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

export function programPath(program: Program, release: Release): string {
  const path = findProgram(program, release);
  if (path === undefined) throw new Error(`${program} (${release}) is not installed: run .ci/install`);
  return path;
}

/**
 * Why a test that needs these programs cannot run, for the `skip` option of a test. Undefined if it can.
 * Under CI nothing is skipped: the test runs, and fails for want of the program.
 */
export function missingPrograms(release: Release, ...programs: readonly Program[]): string | undefined {
  if (process.env["CI"] === "true") return undefined;
  const missing = programs.filter((program) => findProgram(program, release) === undefined);
  return missing.length === 0 ? undefined : `not installed (run .ci/install): ${missing.join(", ")} from ${release}`;
}

/** The first number like 1.2.3 that `PROGRAM --version` prints. */
export function programVersion(program: Program, release: Release): string {
  const printed = spawnSync(programPath(program, release), ["--version"], { encoding: "utf8" });
  const version = /\d+\.\d+\.\d+/.exec(`${printed.stdout}${printed.stderr}`)?.[0];
  if (version === undefined) throw new Error(`${program} (${release}) --version printed: ${printed.stderr}`);
  return version;
}
