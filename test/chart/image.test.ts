import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry } from "../../src/demo/registry.ts";
import { eventually, makeFolder, removeFolder, run, runOk, startDaemon } from "../support/clients/process.ts";
import { CHART, findHelm, render, ROOT } from "../support/helm.ts";
import { parseObjects } from "../support/kubernetes.ts";
import { freePorts } from "../e2e/pullmeter.ts";

const IMAGE = "localhost/pullmeter:test";
const NONROOT = 65_532;

const missing = ["buildah", "podman", "runc"].filter((name) => spawnSync(name, ["--version"]).status !== 0);
if (process.env["CI"] === "true") assert.deepEqual(missing, [], ".ci/install brings them");
const skip = missing.length === 0 ? false : `SKIPPED: needs ${missing.join(", ")}; run .ci/install`;

/** Settings under which podman runs containers in places without systemd, with low limits or with cgroups of version 1. */
const PODMAN = ["--runtime", "runc", "--cgroup-manager", "cgroupfs"];
const RUN = [...PODMAN, "run", "--rm", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
/** What a pod with the chart's security context gets. */
const RESTRICTED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
const HARDENED = [...RUN, "--network=host", `--user=${NONROOT}:${NONROOT}`, "--memory=512m", ...RESTRICTED];

describe("the image without a base", { skip }, () => {
  let folder = "";
  let env: Record<string, string> = {};

  before(async () => {
    folder = await makeFolder("image");
    const storage = join(folder, "storage.conf");
    const [graph, running] = [join(folder, "graph"), join(folder, "run")];
    await writeFile(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${running}"\n`);
    env = { CONTAINERS_STORAGE_CONF: storage };
    await runOk(join(ROOT, "tools", "image", "build.sh"), [IMAGE], { env });
  });

  after(async () => removeFolder(folder));

  test("says which version and revision it is, and runs as no user with a name", async () => {
    const [image] = JSON.parse(await runOk("podman", ["image", "inspect", IMAGE], { env })) as [
      { Config: { User: string; Labels: Record<string, string> } },
    ];
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    assert.equal(image.Config.User, `${NONROOT}:${NONROOT}`);
    assert.equal(image.Config.Labels["org.opencontainers.image.version"], version);
    assert.match(image.Config.Labels["org.opencontainers.image.revision"] ?? "", /^[0-9a-f]{40}$/);
    const printed = await runOk("podman", [...HARDENED, IMAGE, "--version"], { env });
    assert.equal(printed.trim(), version);
  });

  test("holds no file that its user could change, none with another's rights, and no shell", async () => {
    const root = (await runOk("podman", ["image", "mount", IMAGE], { env })).trim();
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    const wrong = files.filter((file) => {
      const { uid, gid, mode } = lstatSync(join(root, file));
      const isLink = (mode & 0o170000) === 0o120000;
      return uid !== 0 || gid !== 0 || (!isLink && (mode & 0o6022) !== 0);
    });
    assert.ok(files.includes("app/bin/pullmeter.js"));
    assert.deepEqual(wrong, []);
    assert.deepEqual(
      files.filter((file) => /(^|\/)(sh|bash|busybox|apt|npm)$/.test(file)),
      [],
    );
    await runOk("podman", ["image", "unmount", IMAGE], { env });
  });

  test("resolves names as programs do, and has the system's certificates for those who ask for them", async () => {
    const script = `
      const { address } = await (await import("node:dns/promises")).lookup("localhost", 4);
      const { getCACertificates } = await import("node:tls");
      console.log(address, getCACertificates("system").length > 100);`;
    const node = ["--entrypoint=node", IMAGE, "--input-type=module", "--eval", script];
    assert.equal((await runOk("podman", [...HARDENED, ...node], { env })).trim(), "127.0.0.1 true");
  });

  test("serves as uid 65532 on a read-only root: a pull goes through, is counted, and SIGTERM ends it with 0", async (t) => {
    const image = buildImage({ repository: "lib/app", tag: "v1", layers: [buildLayer("image-test", 3_000_000)] });
    const registry = await startDemoRegistry({ images: [image] });
    t.after(() => registry.close());
    const [port = 0, adminPort = 0] = await freePorts(2);
    const config = join(folder, "config.yaml");
    await writeFile(
      config,
      JSON.stringify({
        listeners: [{ address: `127.0.0.1:${port}`, registry: "registry.example.com" }],
        registries: { "registry.example.com": { upstream: registry.url } },
        admin: { address: `0.0.0.0:${adminPort}` },
      }),
    );

    const mount = `--volume=${config}:/etc/pullmeter/config.yaml:ro`;
    const serve = ["serve", "--config=/etc/pullmeter/config.yaml"];
    const container = startDaemon("podman", [...HARDENED, "--name=served", mount, IMAGE, ...serve], env);
    t.after(() => container.stop());
    const admin = `http://127.0.0.1:${adminPort}`;
    await eventually(`ready:\n${container.log()}`, async () =>
      (await statusOf(`${admin}/readyz`)) === 200 ? true : undefined,
    );

    const script = 'try { fs.writeFileSync("/written", "") } catch ({ code }) { console.log(process.getuid(), code) }';
    const inside = await runOk("podman", [...PODMAN, "exec", "served", "node", "--eval", script], { env });
    assert.equal(inside.trim(), `${NONROOT} EROFS`);

    const origin = `http://127.0.0.1:${port}`;
    const pulled = await pull({ origin, repository: "lib/app", reference: "v1", store: new Set() });
    assert.equal(pulled.layersFetched, 1);
    const counted = /^pullmeter_pull_duration_seconds_count\{(.*)\} 1$/m;
    const [, labels] = await eventually(
      "the pull is counted",
      async () => counted.exec(await (await fetch(`${admin}/metrics`)).text()) ?? undefined,
    );
    assert.match(labels ?? "", /registry="example\.com"/);
    assert.match(labels ?? "", /status="ok"/);

    assert.equal(await runHelmTest(env, adminPort), 0);
    assert.equal(await container.stop(), 0);
    assert.match(container.log(), /"schema":"pullmeter\.pull\//);
  });

  test("podman understands the mirrors that chart and example give to the container beside it", async () => {
    const helm = findHelm(4) ?? assert.fail(".ci/install-helm brings Helm 4");
    const chart = render(helm, CHART, "--values", join(CHART, "ci", "sidecar-values.yaml"));
    const example = readFileSync(join(ROOT, "examples", "sidecar-pod.yaml"), "utf8");
    for (const yaml of [chart, example]) {
      const { data } = parseObjects(yaml).find(({ kind }) => kind === "ConfigMap") ?? {};
      const file = join(folder, "registries.conf");
      await writeFile(file, data?.["registries.conf"] ?? "");
      const info = await runOk("podman", [...PODMAN, "info", "--format", "{{json .Registries}}"], {
        env: { ...env, CONTAINERS_REGISTRIES_CONF: file },
      });
      const registries = JSON.parse(info) as Record<string, { Mirrors: { Location: string; Insecure: boolean }[] }>;
      const [mirror] = registries["docker.io"]?.Mirrors ?? [];
      assert.deepEqual([mirror?.Location, mirror?.Insecure], ["127.0.0.1:5001", true]);
    }
  });
});

/** The container that `helm test` would run beside the one that serves. */
async function runHelmTest(containerEnv: Record<string, string>, adminPort: number): Promise<number> {
  const helm = findHelm(4) ?? assert.fail(".ci/install-helm brings Helm 4");
  const objects = parseObjects(render(helm, CHART, "--set", `config.admin.address=0.0.0.0:${adminPort}`));
  const [node = "", ...args] =
    objects.find(({ kind }) => kind === "Pod")?.spec?.containers?.[0]?.command ?? assert.fail("no test pod");
  const container = [...HARDENED, `--entrypoint=${node}`, IMAGE, ...args];
  return (await run("podman", container, { env: containerEnv })).exitCode;
}

async function statusOf(url: string): Promise<number | undefined> {
  return fetch(url).then(
    (response) => response.status,
    () => undefined,
  );
}
