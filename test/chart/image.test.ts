import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { startDemoRegistry } from "../../src/demo/registry.ts";
import { eventually, makeFolder, removeFolder, runOk, startDaemon } from "../support/clients/process.ts";
import { CHART, findHelm, render, ROOT } from "../support/helm.ts";
import { parseObjects } from "../support/kubernetes.ts";
import { freePorts } from "../e2e/pullmeter.ts";

const IMAGE = "localhost/pullmeter:test";
const NONROOT = 65_532;

const helm = findHelm(4);
const missing = ["buildah", "podman", "runc"].filter((name) => spawnSync(name, ["--version"]).status !== 0);
if (helm === undefined) missing.push("Helm 4");
if (process.env["CI"] === "true") assert.deepEqual(missing, [], ".ci/install and .ci/install-helm bring them");
const skip =
  missing.length === 0 ? false : `SKIPPED: needs ${missing.join(", ")}; run .ci/install and .ci/install-helm`;

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

  test("is the chart's sidecar: uid 65532, read-only root; podman beside it pulls through it, is counted, SIGTERM ends it with 0", async (t) => {
    const image = buildImage({ repository: "lib/app", tag: "v1", layers: [buildLayer("image-test", 3_000_000)] });
    const upstream = await startDemoRegistry({ images: [image] });
    t.after(() => upstream.close());
    const [port = 0, adminPort = 0] = await freePorts(2);
    const { sidecar, check, data } = renderSidecar({
      listeners: [{ address: `127.0.0.1:${port}`, registry: "registry.example.com" }],
      registries: { "registry.example.com": { upstream: upstream.url } },
      admin: { address: `0.0.0.0:${adminPort}` },
    });
    const volume = join(folder, "config-map");
    await mkdir(volume);
    for (const [name, text] of Object.entries(data)) await writeFile(join(volume, name), text);

    const mounts = (sidecar.volumeMounts ?? []).map(({ mountPath }) => `--volume=${volume}:${mountPath}:ro`);
    const settings = (sidecar.env ?? []).map(({ name, value }) => `--env=${name}=${value}`);
    const flags = [...HARDENED, "--name=sidecar", ...mounts, ...settings];
    const container = startDaemon("podman", [...flags, IMAGE, ...(sidecar.args ?? [])], env);
    t.after(() => container.stop());
    const admin = `http://127.0.0.1:${adminPort}`;
    await eventually("the sidecar is ready", async () =>
      (await statusOf(`${admin}/readyz`)) === 200 ? true : undefined,
    );

    const script = 'try { fs.writeFileSync("/written", "") } catch ({ code }) { console.log(process.getuid(), code) }';
    const inside = await runOk("podman", [...PODMAN, "exec", "sidecar", "node", "--eval", script], { env });
    assert.equal(inside.trim(), `${NONROOT} EROFS`);

    const policy = join(folder, "policy.json");
    await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const beside = { ...env, CONTAINERS_REGISTRIES_CONF: join(volume, "registries.conf") };
    const args = [...PODMAN, "pull", "--quiet", `--signature-policy=${policy}`, "registry.example.com/lib/app:v1"];
    await runOk("podman", args, { env: beside });
    const counted = /^pullmeter_pull_duration_seconds_count\{(.*)\} (\d+)$/gm;
    const series = await eventually("the pull is counted", async () => {
      const found = [...(await (await fetch(`${admin}/metrics`)).text()).matchAll(counted)];
      return found.length === 0 ? undefined : found;
    });
    assert.deepEqual(
      series.map(([, , count]) => count),
      ["1"],
    );
    for (const label of ['registry="example.com"', 'isolation="podman"', 'status="ok"', 'on_disk="false"']) {
      assert.ok(series[0]?.[1]?.includes(label), `${label} in ${series[0]?.[1]}`);
    }

    const [node = "", ...rest] = check.command ?? [];
    await runOk("podman", [...HARDENED, `--entrypoint=${node}`, IMAGE, ...rest], { env });
    assert.equal(await container.stop(), 0);
    assert.match(container.log(), /"schema":"pullmeter\.pull\//);
  });

  test("podman understands the mirrors that chart and example give to the container beside it", async () => {
    const chart = renderChart("--values", join(CHART, "ci", "sidecar-values.yaml"));
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

function renderChart(...args: string[]): string {
  return render(helm ?? assert.fail("suites are skipped without Helm"), CHART, ...args);
}

/** The pod of `helm test` in the sidecar shape: the sidecar, the container that checks it, and the ConfigMap's files. */
function renderSidecar(config: object) {
  const objects = parseObjects(renderChart("--set", "mode=sidecar", "--set-json", `config=${JSON.stringify(config)}`));
  const pod = objects.find(({ kind }) => kind === "Pod")?.spec;
  const [sidecar = assert.fail("no sidecar")] = pod?.initContainers ?? [];
  const [check = assert.fail("no container")] = pod?.containers ?? [];
  return { sidecar, check, data: objects.find(({ kind }) => kind === "ConfigMap")?.data ?? {} };
}

async function statusOf(url: string): Promise<number | undefined> {
  return fetch(url).then(
    (response) => response.status,
    () => undefined,
  );
}
