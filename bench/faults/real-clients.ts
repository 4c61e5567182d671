import type { Client, Mirror } from "../../test/support/clients/client.ts";
import { startContainerd } from "../../test/support/clients/containerd.ts";
import type { Image } from "../../test/support/clients/image.ts";
import { createPodman } from "../../test/support/clients/podman.ts";
import { programVersion, type Release } from "../../test/support/clients/programs.ts";
import type { ProxyListener } from "../truth/proxy-process.ts";
import { Wall } from "../truth/wall.ts";
import type { CellRegistry } from "./cell-registry.ts";
import type { Cell } from "./cells.ts";
import type { ClientPlan, MatrixClient } from "./client-plan.ts";
import { makeImage, REPOSITORY, TAG } from "./image.ts";
import type { Phase } from "./phases.ts";
import type { Seen } from "./seen.ts";

// Real clients go through the main faults: each pull takes them a second or more, and they repeat what failed.
const MAIN_FAULTS = new Set([
  "connection refused",
  "NXDOMAIN",
  "expired certificate",
  "reset before the head",
  "no head",
  "404",
  "429",
  "500",
  "503",
  "reset at byte k",
  "stall at byte k",
  "short body",
  "bad chunk",
  "TLS cut",
  "corrupted byte",
  "206 from another offset",
  "200 to a Range",
  "307 to a dead host",
  "307, signature expires in the body",
]);

/** podman's own three attempts, with pauses between them, and a stall in each. */
const PULL_TIMEOUT_MS = 120_000;
/** Words of a client's error that are kept. */
const WORDS = 160;

interface RealClient {
  readonly program: "podman" | "containerd";
  readonly phases: readonly Phase[];
  readonly parallel: number;
  listeners(cells: readonly Cell[]): readonly ProxyListener[];
  listenerOf(registry: CellRegistry): string;
  start(release: Release, mirrors: readonly Mirror[]): Promise<Client>;
}

/** Pings, and names no registry there: each has a listener of its own. */
const PODMAN: RealClient = {
  program: "podman",
  phases: ["ping", "manifest", "config", "layer"],
  parallel: 4,
  listeners: (cells) => cells.map(({ id }) => ({ name: `c${id}`, registry: `c${id}.faults.test` })),
  listenerOf: ({ cell }) => `c${cell.id}`,
  start: async (release, mirrors) => createPodman({ release, mirrors }),
};

/** One daemon, which has three downloads at once, whatever they wait for. */
const CONTAINERD: RealClient = {
  program: "containerd",
  phases: ["resolve", "manifest", "config", "layer"],
  parallel: 3,
  listeners: () => [{ name: "shared" }],
  listenerOf: () => "shared",
  start: async (release, mirrors) => startContainerd({ release, mirrors }),
};

export function realPlan(name: "podman" | "containerd", release: Release, seed: number): ClientPlan {
  const real = name === "podman" ? PODMAN : CONTAINERD;
  const [first = "ping"] = real.phases;
  const images = new Map<number, Image>();
  const imageFor = ({ id }: Cell): Image => {
    const image = images.get(id) ?? makeImage(`${name} ${seed} ${id}`);
    images.set(id, image);
    return image;
  };
  return {
    name: `${name} ${programVersion(real.program, release)}`,
    first,
    parallel: real.parallel,
    shortCells: 30,
    repeats: true,
    takes: (cell) => isMain(cell, real.phases) && !(name === "podman" && isBeyondPodman(cell)),
    listeners: (cells) => real.listeners(cells),
    // Clients keep what they have: each cell has its own image.
    imageFor,
    start: async (ports, registries) => {
      const wall = new Wall();
      const upstream = await wall.listen();
      const mirrors = registries.map((registry) => ({
        registry: registry.host,
        url: `http://127.0.0.1:${ports[real.listenerOf(registry)]}`,
        upstream,
      }));
      const client = await real.start(release, mirrors);
      return {
        pull: async (registry) => {
          const seen = await pullOnce(client, registry);
          images.delete(registry.cell.id);
          return seen;
        },
        close: async () => {
          await client.close();
          await wall.close();
        },
      } satisfies MatrixClient;
    },
  };
}

function isMain({ fault, phase, repeat }: Cell, phases: readonly Phase[]): boolean {
  const isOfConnection = fault.place.at === "name" || fault.place.at === "accept";
  // Which request a new connection is for is known of the first one only: these clients open several at once.
  const isKnown = !isOfConnection || fault.behindRedirect === true || phase === phases[0];
  return MAIN_FAULTS.has(fault.name) && phases.includes(phase) && repeat !== "twice" && isKnown;
}

/** podman asks for a tag and gets what it gets: no digest says which bytes. And it waits for minutes while it gets 429. */
function isBeyondPodman({ fault, phase, repeat }: Cell): boolean {
  return (fault.name === "corrupted byte" && phase === "manifest") || (fault.name === "429" && repeat === "always");
}

async function pullOnce(client: Client, { host, cell }: CellRegistry): Promise<Seen> {
  const signal = AbortSignal.timeout(PULL_TIMEOUT_MS);
  const { exitCode, error } = await client.pull(`${host}/${REPOSITORY}:${TAG}`, { signal });
  if (exitCode === 0) return { kind: "ok" };
  if (signal.aborted) return { kind: "hang", phase: cell.phase };
  return { kind: "failed", words: error.replaceAll("\n", " ").slice(-WORDS) };
}
