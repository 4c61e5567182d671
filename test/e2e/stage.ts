import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { startDockerRegistry, type DockerRegistry } from "../support/clients/docker-registry.ts";
import { eventually } from "../support/clients/process.ts";
import { freePorts, startPullmeter, type Pullmeter, type PullLine } from "./pullmeter.ts";
import { openGate, type Gate } from "./gate.ts";

/** Labels of one observation, and what else a test wants to be sure of. */
export type Expected = Pick<PullLine, "registry" | "status" | "on_disk" | "has_creds"> & Partial<PullLine>;

/** The built program between real registries and whoever pulls. */
export interface Stage {
  readonly pullmeter: Pullmeter;
  /** Behind docker.io: open to everyone, through a gate. */
  readonly open: DockerRegistry;
  readonly gate: Gate;
  /** Behind ghcr.io: bearer tokens; private/ is ALICE's. */
  readonly token: DockerRegistry;
  /** Behind quay.io: basic authentication, ALICE only. */
  readonly basic: DockerRegistry;
  /** An example's text with the ports on which this stage listens. */
  localise(text: string): string;
  /** What was observed so far of the repository, in any order. */
  expectPulls(repository: string, expected: readonly Expected[]): Promise<readonly PullLine[]>;
  /** Nothing else was observed than what was expected, and both histograms say the same as the log. */
  expectNothingElse(): Promise<void>;
  readonly close: () => Promise<void>;
}

/** The text of a file below examples/. */
export function readExample(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../examples/${path}`, import.meta.url)), "utf8");
}

/** Ports that occur in the examples. */
const EXAMPLE_PORTS = [5000, 5001, 5002, 5003, 5004, 5005, 5006, 9090];

/**
 * `config`: text of an example's configuration of pullmeter; its ports are replaced, its registries lead to loopback.
 * `settle`: for a machine that is so busy that requests of one pull come seconds apart.
 * `dockerHub: "basic"` puts the registry with passwords behind docker.io too.
 */
export async function openStage(
  config: string,
  options: { dockerHub?: "open" | "basic"; settle?: string } = {},
): Promise<Stage> {
  const [open, token, basic] = await Promise.all([
    startDockerRegistry({ auth: "none" }),
    startDockerRegistry({ auth: "token" }),
    startDockerRegistry({ auth: "basic" }),
  ]);
  const gate = await openGate(open.url);
  const ports = await freePorts(EXAMPLE_PORTS.length);
  const portOf = (port: string | number): number => ports[EXAMPLE_PORTS.indexOf(Number(port))] ?? 0;
  const localise = (text: string): string =>
    text.replaceAll(
      /\b(?:127\.0\.0\.1|0\.0\.0\.0):(500[0-6]|9090)\b/g,
      (_, port: string) => `127.0.0.1:${portOf(port)}`,
    );
  const dockerHub = options.dockerHub === "basic" ? basic.url : gate.url;
  const pullmeter = await startPullmeter({
    adminPort: portOf(9090),
    config: withLoopbackRegistries(
      localise(config),
      {
        "docker.io": dockerHub,
        "ghcr.io": token.url,
        "quay.io": basic.url,
      },
      options.settle,
    ),
  });
  const expectedCounts = new Map<string, number>();
  return {
    pullmeter,
    open,
    gate,
    token,
    basic,
    localise,
    expectPulls: async (repository, expected) => {
      expectedCounts.set(repository, expected.length);
      const observed = await pullmeter.observed(repository, expected.length);
      const fields = Object.keys(expected[0] ?? {}) as (keyof PullLine)[];
      const seen = observed.map((pull) => Object.fromEntries(fields.map((field) => [field, pull[field]])));
      assert.deepEqual(sorted(seen), sorted(expected), JSON.stringify(observed, undefined, 2));
      return observed;
    },
    expectNothingElse: async () => {
      const metrics = await eventually("no pull is in progress", async () => {
        const text = await pullmeter.metrics();
        return /^pullmeter_pulls_in_progress\b.* [1-9]/m.test(text) ? undefined : text;
      });
      const total = [...expectedCounts.values()].reduce((sum, count) => sum + count, 0);
      assert.equal(pullmeter.pulls().length, total, JSON.stringify(pullmeter.pulls(), undefined, 2));
      assert.deepEqual(countsOf(metrics, "pullmeter_pull_duration_seconds"), countLines(pullmeter.pulls()));
      const folded = pullmeter.pulls().map((pull) => ({ ...pull, status: pull.status === "ok" ? "ok" : "error" }));
      const origin = "buildbuddy_remote_execution_image_fetch_duration_usec";
      assert.deepEqual(countsOf(metrics, origin), countLines(folded));
    },
    close: async () => {
      const exitCode = await pullmeter.stop();
      await gate.close();
      await Promise.all([open, token, basic].map(async (registry) => registry.close()));
      assert.equal(exitCode, 0, `pullmeter serve ended with ${exitCode}:\n${pullmeter.log()}`);
    },
  };
}

/** Upstreams on loopback, and a settle time that lets tests go on: between two requests of a pull here lie milliseconds. */
function withLoopbackRegistries(config: string, upstreams: Readonly<Record<string, string>>, settle = "1s"): string {
  const settings = parse(config) as { registries?: object };
  const registries = Object.fromEntries(Object.entries(upstreams).map(([host, upstream]) => [host, { upstream }]));
  return stringify({
    ...settings,
    registries: { ...settings.registries, ...registries },
    tracker: { daemonSettle: settle, processSettle: settle, dockerRetryWait: "2s" },
  });
}

function sorted(values: readonly object[]): readonly object[] {
  return values.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

const LABELS = ["isolation", "registry", "status", "on_disk", "has_creds", "trigger"] as const;

/** `_count` of every series of a histogram, by its labels. */
function countsOf(exposition: string, histogram: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, labels = "", count] of exposition.matchAll(new RegExp(`^${histogram}_count\\{(.*)\\} (\\d+)$`, "gm"))) {
    const values = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    counts[LABELS.map((label) => values[label]).join(" ")] = Number(count);
  }
  return counts;
}

function countLines(pulls: readonly PullLine[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const pull of pulls) {
    const key = LABELS.map((label) => String(pull[label])).join(" ");
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
