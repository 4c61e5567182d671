import assert from "node:assert/strict";
import { test } from "node:test";
import { startContainerd } from "../support/clients/containerd.ts";
import { startDockerRegistry } from "../support/clients/docker-registry.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { eventually } from "../support/clients/process.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { freePorts, startPullmeter, type Pullmeter, type PullLine } from "./pullmeter.ts";

/** Pulls at once. */
const WORKERS = 4;

const RESTARTS = 3;

const missing = missingPrograms("bookworm", "containerd", "ctr", "docker-registry");

test(
  "two mirrors that are restarted in turn under constant pulls fail none, and observe each",
  { skip: missing ?? false },
  async (t) => {
    const registry = await startDockerRegistry({ auth: "none" });
    t.after(registry.close);
    const [first, second] = [await startMirror(registry.url), await startMirror(registry.url)];
    const hosts = [first, second].map(
      ({ url }) => `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n  skip_verify = true\n`,
    );
    const containerd = await startContainerd({ release: "bookworm", hosts: { _default: hosts.join("") } });
    t.after(containerd.close);

    let pulls = 0;
    const rolled = new AbortController();
    const work = async (): Promise<void> => {
      while (!rolled.signal.aborted) {
        const repository = `rolling/app-${(pulls += 1)}`;
        await registry.push(repository, "v1", buildImage({ layers: [buildLayer({ bytes: 100_000 })] }));
        const { exitCode, error } = await containerd.pull(`docker.io/${repository}:v1`);
        assert.equal(exitCode, 0, error);
      }
    };
    const observed: Observed[] = [];
    const roll = async (): Promise<void> => {
      for (const mirror of [first, second, first]) {
        const before = pulls;
        observed.push(await mirror.restart());
        await eventually("pulls go on", async () => (pulls > before + 2 * WORKERS ? true : undefined));
      }
    };
    await Promise.all([roll().finally(() => rolled.abort()), ...Array.from({ length: WORKERS }, work)]);
    for (const mirror of [first, second]) observed.push(await mirror.end());

    const sum = (of: "ok" | "failed" | "turnedAway"): number => observed.reduce((all, counts) => all + counts[of], 0);
    t.diagnostic(`${pulls} pulls, ${sum("turnedAway")} of them turned away by a mirror that was stopping`);
    assert.equal(sum("failed"), sum("turnedAway"));
    const lines = observed.flatMap((counts) => counts.lines).filter(({ status }) => status === "ok");
    assert.equal(lines.length, sum("ok"), "the last scrapes tell what the logs tell");
    const all = countsOf(lines);
    const withLayers = countsOf(lines.filter((line) => line.layers_requested > 0));
    assert.equal(all.size, pulls, "each was observed");
    assert.ok(Math.max(...withLayers.values()) === 1, "no layer is of two pulls");
    // Whoever asks one mirror for the tag, and for the rest the other one, which came back meanwhile, is seen by both;
    // or its layers by one that knows no manifest of them.
    const twice = lines.length - pulls;
    const bare = pulls - withLayers.size;
    assert.ok(twice + bare <= RESTARTS * WORKERS, `${twice} observed twice, ${bare} without layers, of ${pulls}`);
  },
);

/** What the last scrape of a process says. */
interface Observed {
  readonly ok: number;
  readonly failed: number;
  /** Of those that failed, because of the restart. */
  readonly turnedAway: number;
  readonly lines: readonly PullLine[];
}

interface Mirror {
  readonly url: string;
  /** Stops the process, and starts another one in its place. */
  restart(): Promise<Observed>;
  end(): Promise<Observed>;
}

async function startMirror(upstream: string): Promise<Mirror> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const config = JSON.stringify({
    listeners: [{ address: `127.0.0.1:${port}` }],
    admin: { address: `127.0.0.1:${adminPort}`, linger: "1m" },
    registries: { "docker.io": { upstream } },
    // Requests of one pull may come seconds apart on a machine that is busy with everything here.
    tracker: { daemonSettle: "10s" },
  });
  let pullmeter = await startPullmeter({ config, adminPort });
  const end = async (): Promise<Observed> => {
    const exited = pullmeter.terminate();
    const text = await scrapeLast(pullmeter);
    assert.equal(await exited, 0, pullmeter.log());
    await pullmeter.stop();
    return {
      lines: pullmeter.pulls(),
      ok: total(text, /^pullmeter_pull_duration_seconds_count\{.*status="ok".*\} (\d+)$/gm),
      failed: total(text, /^pullmeter_pull_failures_total\{.*\} (\d+)$/gm),
      turnedAway: total(text, /^pullmeter_pull_failures_total\{.*cause="shutdown"\} (\d+)$/gm),
    };
  };
  return {
    url: `http://127.0.0.1:${port}`,
    restart: async () => {
      const observed = await end();
      pullmeter = await startPullmeter({ config, adminPort });
      return observed;
    },
    end,
  };
}

/** The scrape that ends the process. */
async function scrapeLast(pullmeter: Pullmeter): Promise<string> {
  await eventually("it lingers", async () => ((await pullmeter.state()) === "lingering" ? true : undefined));
  return pullmeter.metrics();
}

/** Lines by repository: each is pulled once. */
function countsOf(lines: readonly PullLine[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { repository } of lines) counts.set(repository, (counts.get(repository) ?? 0) + 1);
  return counts;
}

function total(exposition: string, counts: RegExp): number {
  return [...exposition.matchAll(counts)].reduce((sum, [, count]) => sum + Number(count), 0);
}
