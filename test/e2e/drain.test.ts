import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "../support/clients/client.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { eventually } from "../support/clients/process.ts";
import { missingPrograms, type Release } from "../support/clients/programs.ts";
import type { Pullmeter } from "./pullmeter.ts";
import { openStage, readExample, type Stage } from "./stage.ts";

type Puller = Pick<Client, "pull" | "close">;

interface Runtime {
  readonly title: string;
  readonly missing: string | undefined;
  readonly start: (stage: Stage) => Promise<Puller>;
  /** How many images it pulls at once. */
  readonly pulls: number;
  /** How many of them ask for a layer before one of them is whole. */
  readonly begun: number;
}

const PULLS = 50;

/** 7 layers: more than any client asks for at once, so that every pull opens connections after SIGTERM. */
const LAYERS = 7;

const RUNTIMES: readonly Runtime[] = [
  podman("bookworm"),
  podman("sid"),
  containerd("bookworm", PULLS),
  // It has three requests open at once, of all its pulls together.
  containerd("sid", 3, 0),
];

for (const { title, missing, start, pulls: count, begun } of RUNTIMES) {
  test(
    `SIGTERM in the middle of ${count} pulls of ${title} fails none of them`,
    { skip: missing ?? false },
    async (t) => {
      const stage = await openDraining({ drain: "5m", linger: "1m" });
      const client = await start(stage);
      t.after(() => closeAll(client, stage));
      const repositories = await pushImages(stage, count);
      for (const repository of repositories) stage.gate.hold(repository);
      const pulls = repositories.map((repository) => client.pull(`docker.io/${repository}:v1`));
      await Promise.all(repositories.map((repository) => stage.gate.reached(repository, "resolve", 1)));
      await Promise.all(repositories.slice(0, begun).map((repository) => stage.gate.reached(repository, "layer", 1)));

      const exited = stage.pullmeter.terminate();
      await eventually("it drains", async () => ((await stage.pullmeter.state()) === "draining" ? true : undefined));
      for (const repository of repositories) stage.gate.release(repository);
      for (const { exitCode, error } of await Promise.all(pulls))
        assert.equal(exitCode, 0, `${error}\n${stage.pullmeter.log()}`);
      const scraped = await scrapeLast(stage.pullmeter);
      assert.equal(await exited, 0);
      const unhappy = stage.pullmeter.pulls().filter(({ status }) => status !== "ok");
      assert.deepEqual(unhappy, []);
      assert.deepEqual(
        stage.pullmeter
          .pulls()
          .map(({ repository }) => repository)
          .toSorted(),
        repositories.toSorted(),
      );
      assert.equal(countPulls(scraped), count);
    },
  );
}

test(
  "pulls that outlive the drain time are observed as shutdown",
  { skip: podman("bookworm").missing ?? false },
  async (t) => {
    const stage = await openDraining({ drain: "500ms", linger: "1m" });
    const client = await podman("bookworm").start(stage);
    t.after(() => closeAll(client, stage));
    const repositories = await pushImages(stage, 5);
    for (const repository of repositories) stage.gate.hold(repository);
    const pulls = repositories.map((repository) => client.pull(`docker.io/${repository}:v1`));
    await Promise.all(repositories.map((repository) => stage.gate.reached(repository, "layer", 1)));
    const exited = stage.pullmeter.terminate();
    const scraped = await scrapeLast(stage.pullmeter);
    assert.equal(await exited, 0);
    for (const repository of repositories) stage.gate.release(repository);
    for (const { exitCode } of await Promise.all(pulls)) assert.notEqual(exitCode, 0);
    assert.deepEqual(
      stage.pullmeter.pulls().map(({ status, cause }) => [status, cause]),
      repositories.map(() => ["error", "shutdown"]),
    );
    assert.match(scraped, /^pullmeter_pull_failures_total\{registry="docker.io",cause="shutdown"\} 5$/m);
  },
);

/** A process for each pull, each with a store of its own: in one store podman 5 falls over itself. */
function podman(release: Release): Runtime {
  return {
    title: `podman (${release})`,
    missing: missingPrograms(release, "podman") ?? missingPrograms("bookworm", "docker-registry"),
    pulls: PULLS,
    begun: PULLS,
    start: async (stage) => {
      const registriesConf = stage.localise(readExample("podman/50-pullmeter.conf"));
      const stores: Client[] = [];
      return {
        pull: async (image) => {
          const store = await createPodman({ release, registriesConf });
          stores.push(store);
          return store.pull(image);
        },
        close: async () => void (await Promise.all(stores.map((store) => store.close()))),
      };
    },
  };
}

function containerd(release: Release, pulls: number, begun = pulls): Runtime {
  const hosts = readExample("containerd/certs.d/_default/hosts.toml");
  return {
    title: `containerd (${release})`,
    missing: missingPrograms(release, "containerd", "ctr") ?? missingPrograms("bookworm", "docker-registry"),
    pulls,
    begun,
    start: (stage) => startContainerd({ release, hosts: { _default: stage.localise(hosts) } }),
  };
}

async function openDraining(times: { readonly drain: string; readonly linger: string }): Promise<Stage> {
  // With 50 processes and one store, seconds pass between two requests of a pull: half a minute was seen.
  const example = readExample("pullmeter.yaml").replace(/^admin:\n/m, `$&  linger: ${times.linger}\n`);
  const stage = await openStage(`${example}\ntimeouts: { drain: ${times.drain} }\n`, { settle: "2m" });
  return stage;
}

/** The client first: it may still pull. */
async function closeAll(client: Puller, stage: Stage): Promise<void> {
  await client.close();
  await stage.close();
}

/** Images that share nothing. Returns their repositories. */
async function pushImages(stage: Stage, count: number): Promise<readonly string[]> {
  const repositories = Array.from({ length: count }, (_, index) => `drain/app-${String(index).padStart(2, "0")}`);
  for (const repository of repositories) {
    const layers = Array.from({ length: LAYERS }, () => buildLayer({ bytes: 150_000 }));
    await stage.open.push(repository, "v1", buildImage({ layers }));
  }
  return repositories;
}

/** The scrape that ends the process. */
async function scrapeLast(pullmeter: Pullmeter): Promise<string> {
  const lingers = async (): Promise<true | undefined> => ((await pullmeter.state()) === "lingering" ? true : undefined);
  await eventually("it lingers", lingers, 120_000);
  return pullmeter.metrics();
}

function countPulls(exposition: string): number {
  const counts = exposition.matchAll(/^pullmeter_pull_duration_seconds_count\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
