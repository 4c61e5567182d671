import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import type { Credentials } from "../support/clients/client.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { createCrane } from "../support/clients/crane.ts";
import { ALICE, basic, startDockerRegistry, type DockerRegistry } from "../support/clients/docker-registry.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { createSkopeo } from "../support/clients/skopeo.ts";
import { freePorts, startPullmeter, type Pullmeter } from "./pullmeter.ts";

/** What clients name, and how it asks who they are. */
const REGISTRIES = { "one.test": "token", "two.test": "token", "basic.test": "basic", "open.test": "none" } as const;
type Name = keyof typeof REGISTRIES;
const NAMES = ["one.test", "two.test", "basic.test", "open.test"] as const satisfies readonly Name[];

/** The built program with several registries behind one port. */
interface Shared {
  readonly pullmeter: Pullmeter;
  /** host:port of the listener. */
  readonly host: string;
  readonly registries: Readonly<Record<Name, DockerRegistry>>;
}

async function startShared(t: TestContext): Promise<Shared> {
  const started = await Promise.all(
    NAMES.map(async (name) => {
      const registry = await startDockerRegistry({ auth: REGISTRIES[name] });
      t.after(registry.close);
      for (const repository of [`public/${name}`, `private/${name}`]) {
        await registry.push(repository, "v1", buildImage({ layers: [buildLayer({ bytes: 1000 })] }));
      }
      return [name, registry] as const;
    }),
  );
  const registries = Object.fromEntries(started) as Record<Name, DockerRegistry>;
  const [port = 0, adminPort = 0] = await freePorts(2);
  const upstreams = NAMES.map((name) => `  ${name}: { upstream: ${JSON.stringify(registries[name].url)} }`);
  const config = [
    "listeners:",
    `  - { address: "127.0.0.1:${port}", tokens: relay }`,
    `admin: { address: "127.0.0.1:${adminPort}" }`,
    "tracker: { daemonSettle: 1s, processSettle: 1s }",
    "registries:",
    ...upstreams,
  ];
  const pullmeter = await startPullmeter({ config: `${config.join("\n")}\n`, adminPort });
  t.after(() => pullmeter.stop());
  return { pullmeter, host: `127.0.0.1:${port}`, registries };
}

/** Pulls an image, and says why not. */
type Pull = (name: Name, repository: string) => Promise<{ exitCode: number; error: string }>;

/** Alice pulls everything from everywhere, and nobody what is public. */
async function expectRelayed(shared: Shared, alice: Pull, nobody: Pull): Promise<void> {
  const { pullmeter } = shared;
  for (const name of NAMES) {
    const result = await alice(name, `private/${name}`);
    assert.equal(result.exitCode, 0, `${name}: ${result.error}\n${pullmeter.log()}`);
    const [pulled] = await pullmeter.observed(`private/${name}`, 1);
    const hasCredentials = REGISTRIES[name] !== "none";
    assert.deepEqual(
      [pulled?.registry, pulled?.status, pulled?.has_creds, pulled?.on_disk],
      [name, "ok", hasCredentials, false],
    );
  }
  for (const name of NAMES.filter((one) => REGISTRIES[one] !== "basic")) {
    const result = await nobody(name, `public/${name}`);
    assert.equal(result.exitCode, 0, `${name}: ${result.error}\n${pullmeter.log()}`);
    const [pulled] = await pullmeter.observed(`public/${name}`, 1);
    assert.deepEqual([pulled?.registry, pulled?.status, pulled?.has_creds], [name, "ok", false]);
  }
  for (const name of ["one.test", "two.test"] as const) {
    const { answers } = shared.registries[name].tokens ?? { answers: undefined };
    assert.ok((answers?.user ?? 0) > 0 && (answers?.anonymous ?? 0) > 0, `${name}: ${JSON.stringify(answers)}`);
    const denied = await nobody(name, `private/${name}`);
    assert.notEqual(denied.exitCode, 0, "what is private stays so");
  }
  const told = `${pullmeter.log()}${await pullmeter.metrics()}`;
  for (const secret of [ALICE.password, basic(ALICE).slice("Basic ".length), "eyJ"]) assert.ok(!told.includes(secret));
}

const missing = (release: "bookworm" | "sid", ...programs: Parameters<typeof missingPrograms>[1][]): string | false =>
  missingPrograms(release, ...programs) ?? missingPrograms("bookworm", "docker-registry") ?? false;

function authJson(host: string, user: Credentials | undefined): string {
  return JSON.stringify({ auths: user === undefined ? {} : { [host]: { auth: basic(user).slice("Basic ".length) } } });
}

for (const release of ["bookworm", "sid"] as const) {
  test(
    `podman (${release}) pulls from four registries on one port`,
    { skip: missing(release, "podman") },
    async (t) => {
      const shared = await startShared(t);
      const tables = NAMES.map((name) =>
        ["[[registry]]", `prefix = "${name}"`, `location = "${shared.host}/${name}"`, "insecure = true", ""].join("\n"),
      );
      const pullAs = async (user: Credentials | undefined): Promise<Pull> => {
        const options = { registriesConf: tables.join("\n"), authJson: authJson(shared.host, user) };
        const podman = await createPodman({ release, ...options });
        t.after(podman.close);
        return (name, repository) => podman.pull(`${name}/${repository}:v1`);
      };
      await expectRelayed(shared, await pullAs(ALICE), await pullAs(undefined));
    },
  );
}

test("skopeo copies from four registries on one port", { skip: missing("bookworm", "skopeo") }, async (t) => {
  const shared = await startShared(t);
  const pullAs = async (user: Credentials | undefined): Promise<Pull> => {
    const registriesConf = `[[registry]]\nlocation = "${shared.host}"\ninsecure = true\n`;
    const skopeo = await createSkopeo({ release: "bookworm", registriesConf, authJson: authJson(shared.host, user) });
    t.after(skopeo.close);
    return (name, repository) => skopeo.pull(`${shared.host}/${name}/${repository}:v1`);
  };
  await expectRelayed(shared, await pullAs(ALICE), await pullAs(undefined));
});

for (const [release, api] of [
  ["bookworm", "cri"],
  ["sid", "cri"],
  ["sid", "ctr"],
] as const) {
  test(
    `containerd (${release}, ${api}) pulls from four registries on one port`,
    { skip: missing(release, "containerd", "ctr") },
    async (t) => {
      const shared = await startShared(t);
      const host = `[host."http://${shared.host}"]\n  capabilities = ["pull", "resolve"]\n`;
      const containerd = await startContainerd({ release, api, hosts: { _default: host } });
      t.after(containerd.close);
      const pullAs =
        (credentials: Credentials | undefined): Pull =>
        (name, repository) =>
          containerd.pull(`${name}/${repository}:v1`, credentials && { credentials });
      await expectRelayed(shared, pullAs(ALICE), pullAs(undefined));
    },
  );
}

const noGo = spawnSync("go", ["version"]).error !== undefined && "NOT RUN: needs go (apt-get install golang)";

test("crane pulls from four registries on one port", { skip: noGo || missing("bookworm") }, async (t) => {
  const shared = await startShared(t);
  const crane = await createCrane();
  t.after(crane.close);
  const pullAs =
    (credentials: Credentials | undefined): Pull =>
    (name, repository) =>
      crane.pull(`${shared.host}/${name}/${repository}:v1`, shared.host, credentials);
  await expectRelayed(shared, pullAs(ALICE), pullAs(undefined));
});
