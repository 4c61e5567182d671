import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { hashPassword } from "../../src/access/password-hash.ts";
import type { Credentials } from "../support/clients/client.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { ALICE, basic, startDockerRegistry } from "../support/clients/docker-registry.ts";
import { buildImage, buildLayer } from "../support/clients/image.ts";
import { createPodman } from "../support/clients/podman.ts";
import { makeFolder, removeFolder } from "../support/clients/process.ts";
import { missingPrograms } from "../support/clients/programs.ts";
import { freePorts, startPullmeter, type Pullmeter } from "./pullmeter.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/tls");

/** Who may use the listeners; at the registries it is ALICE. */
const BOB: Credentials = { username: "bob", password: "canary-of-the-listener" };

interface Protected {
  readonly pullmeter: Pullmeter;
  /** host:port of listeners with TLS and passwords, and with TLS and client certificates. */
  readonly withPassword: { readonly open: string; readonly basic: string };
  readonly withCertificate: { readonly token: string };
  /** ca.crt, and client.cert and client.key as podman wants them. */
  readonly certFolder: string;
  readonly nobodysFolder: string;
}

async function startProtected(t: TestContext): Promise<Protected> {
  const folder = await makeFolder("tls");
  const nobodysFolder = await makeFolder("tls");
  t.after(() => Promise.all([removeFolder(folder), removeFolder(nobodysFolder)]));
  await copyFile(join(FIXTURES, "ca.pem"), join(folder, "ca.crt"));
  await copyFile(join(FIXTURES, "ca.pem"), join(nobodysFolder, "ca.crt"));
  await copyFile(join(FIXTURES, "client.pem"), join(folder, "client.cert"));
  await copyFile(join(FIXTURES, "client-key.pem"), join(folder, "client.key"));
  await writeFile(join(folder, "users"), `bob:${await hashPassword(BOB.password)}\n`);

  const kinds = { "open.test": "none", "basic.test": "basic", "token.test": "token" } as const;
  const upstreams = await Promise.all(
    Object.entries(kinds).map(async ([name, auth]) => {
      const registry = await startDockerRegistry({ auth });
      t.after(registry.close);
      await registry.push(`private/${name}`, "v1", buildImage({ layers: [buildLayer({ bytes: 100_000 })] }));
      return `  ${name}: { upstream: ${JSON.stringify(registry.url)} }`;
    }),
  );
  const [open = 0, basicPort = 0, token = 0, adminPort = 0] = await freePorts(4);
  const tls = `certFile: ${join(FIXTURES, "cert.pem")}, keyFile: ${join(FIXTURES, "key.pem")}`;
  const auth = `auth: { basicFile: ${join(folder, "users")} }`;
  const config = [
    "listeners:",
    `  - { address: "127.0.0.1:${open}", registry: open.test, tls: { ${tls} }, ${auth} }`,
    `  - { address: "127.0.0.1:${basicPort}", registry: basic.test, tls: { ${tls} }, ${auth} }`,
    `  - address: "127.0.0.1:${token}"`,
    "    registry: token.test",
    `    tls: { ${tls}, clientCaFile: ${join(FIXTURES, "client-ca.pem")} }`,
    `admin: { address: "127.0.0.1:${adminPort}" }`,
    "tracker: { daemonSettle: 1s, processSettle: 1s }",
    "registries:",
    ...upstreams,
  ];
  const pullmeter = await startPullmeter({ config: `${config.join("\n")}\n`, adminPort });
  t.after(() => pullmeter.stop());
  return {
    pullmeter,
    withPassword: { open: `127.0.0.1:${open}`, basic: `127.0.0.1:${basicPort}` },
    withCertificate: { token: `127.0.0.1:${token}` },
    certFolder: folder,
    nobodysFolder,
  };
}

async function expectPull({ pullmeter }: Protected, registry: string, hasCredentials: boolean): Promise<void> {
  const pulls = await pullmeter.observed(`private/${registry}`, 1);
  assert.deepEqual(
    pulls.map(({ registry: name, status, has_creds }) => [name, status, has_creds]),
    [[registry, "ok", hasCredentials]],
  );
}

async function expectRefusals({ pullmeter }: Protected, reason: string): Promise<void> {
  const line = new RegExp(`^pullmeter_refused_total\\{reason="${reason}"\\} [1-9]`, "m");
  assert.match(await pullmeter.metrics(), line);
}

async function expectNoSecret({ pullmeter }: Protected): Promise<void> {
  const told = `${pullmeter.log()}${await pullmeter.metrics()}`;
  for (const secret of [BOB.password, basic(BOB), ALICE.password]) assert.ok(!told.includes(secret));
}

function missing(release: "bookworm" | "sid", ...programs: Parameters<typeof missingPrograms>[1][]): string | false {
  return missingPrograms(release, ...programs) ?? missingPrograms("bookworm", "docker-registry") ?? false;
}

function locationOf(registry: string, host: string): string {
  return `[[registry]]\nprefix = "${registry}"\nlocation = "${host}"\n`;
}

function authJson(entries: Readonly<Record<string, Credentials>>): string {
  const auths = Object.entries(entries).map(([host, user]) => [host, { auth: basic(user).slice("Basic ".length) }]);
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

/** containerd sends it with every request to this host, beside what it says to the registry. */
function sayBob(host: string): string {
  return `  [host."https://${host}".header]\n    proxy-authorization = ${JSON.stringify(basic(BOB))}`;
}

for (const release of ["bookworm", "sid"] as const) {
  test(
    `podman (${release}) pulls through TLS with a password, and with a certificate logs in at the registry itself`,
    { skip: missing(release, "podman") },
    async (t) => {
      const stage = await startProtected(t);
      const { withPassword, withCertificate, certFolder, nobodysFolder } = stage;
      const registriesConf =
        locationOf("open.test", withPassword.open) + locationOf("token.test", withCertificate.token);
      const bob = { [withPassword.open]: BOB, [withCertificate.token]: ALICE };
      const known = await createPodman({ release, registriesConf, authJson: authJson(bob), certFolder });
      t.after(known.close);
      const stranger = await createPodman({
        release,
        registriesConf,
        authJson: authJson({ [withCertificate.token]: ALICE }),
        certFolder: nobodysFolder,
      });
      t.after(stranger.close);

      for (const name of ["open.test", "token.test"]) {
        const refused = await stranger.pull(`${name}/private/${name}:v1`);
        assert.notEqual(refused.exitCode, 0, `${name} let a stranger in`);
        const pulled = await known.pull(`${name}/private/${name}:v1`);
        assert.equal(pulled.exitCode, 0, `${name}: ${pulled.error}\n${stage.pullmeter.log()}`);
      }
      await expectPull(stage, "open.test", false);
      await expectPull(stage, "token.test", true);
      await expectRefusals(stage, "unauthenticated");
      await expectRefusals(stage, "tls_handshake");
      await expectNoSecret(stage);
    },
  );

  test(
    `containerd (${release}) pulls through TLS with a password beside the registry's, and with a certificate`,
    { skip: missing(release, "containerd", "ctr") },
    async (t) => {
      const stage = await startProtected(t);
      const { withPassword, withCertificate, certFolder } = stage;
      const ca = `  ca = ${JSON.stringify(join(certFolder, "ca.crt"))}`;
      const mirror = (host: string, ...lines: readonly string[]): string =>
        [`[host."https://${host}"]`, '  capabilities = ["pull", "resolve"]', ca, ...lines, ""].join("\n");
      const client = `  client = [[${JSON.stringify(join(certFolder, "client.cert"))}, ${JSON.stringify(join(certFolder, "client.key"))}]]`;
      const containerd = await startContainerd({
        release,
        hosts: {
          "open.test": mirror(withPassword.open, sayBob(withPassword.open)),
          "basic.test": mirror(withPassword.basic, sayBob(withPassword.basic)),
          "token.test": mirror(withCertificate.token, client),
        },
      });
      t.after(containerd.close);
      const stranger = await startContainerd({
        release,
        hosts: { "open.test": mirror(withPassword.open), "token.test": mirror(withCertificate.token) },
      });
      t.after(stranger.close);

      for (const name of ["open.test", "token.test"]) {
        const refused = await stranger.pull(`${name}/private/${name}:v1`, { credentials: ALICE });
        assert.notEqual(refused.exitCode, 0, `${name} let a stranger in`);
      }
      for (const name of ["open.test", "basic.test", "token.test"]) {
        const asked = name === "open.test" ? {} : { credentials: ALICE };
        const pulled = await containerd.pull(`${name}/private/${name}:v1`, asked);
        assert.equal(pulled.exitCode, 0, `${name}: ${pulled.error}\n${stage.pullmeter.log()}`);
        await expectPull(stage, name, name !== "open.test");
      }
      await expectRefusals(stage, "unauthenticated");
      await expectRefusals(stage, "tls_handshake");
      await expectNoSecret(stage);
    },
  );
}
