import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");
export const CHART = join(ROOT, "helm", "pullmeter");

export interface Helm {
  readonly major: 3 | 4;
  readonly path: string;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Helm of one major version: the one on PATH if it is that, else the one that .ci/install-helm brings. */
export function findHelm(major: 3 | 4): Helm | undefined {
  const candidates = ["helm", join(ROOT, ".cache", "helm", String(major), "helm")];
  const path = candidates.find((candidate) => {
    const version = spawnSync(candidate, ["version", "--short"], { encoding: "utf8" });
    return version.status === 0 && version.stdout.startsWith(`v${major}.`);
  });
  return path === undefined ? undefined : { major, path };
}

export function run(helm: Helm, ...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(helm.path, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** What `helm template` prints; throws if it refuses. */
export function render(helm: Helm, ...args: string[]): string {
  const result = run(helm, "template", "release", ...args);
  if (result.status !== 0) throw new Error(`helm ${helm.major} template ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}
