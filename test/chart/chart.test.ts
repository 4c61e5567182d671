import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { parse } from "yaml";
import { DEFAULT_LISTENERS } from "../../src/config/schema.ts";
import { documentedValues } from "../../tools/docs/chart-values.ts";
import { CHART, findHelm, render, ROOT, run, type Helm } from "../support/helm.ts";
import {
  parseObjects,
  podSpecOf,
  problems,
  type Container,
  type KubernetesObject,
  type PodSpec,
} from "../support/kubernetes.ts";

const FIXTURES = join(import.meta.dirname, "..", "fixtures", "chart");
const SHAPES = readdirSync(join(CHART, "ci")).map((file) => file.replace("-values.yaml", ""));
const EXAMPLE = join(ROOT, "examples", "sidecar-pod.yaml");

const SERVE = ["serve", "--config=/etc/pullmeter/config.yaml"];

const helms = ([4, 3] as const).flatMap((major) => findHelm(major) ?? []);
if (process.env["CI"] === "true") assert.equal(helms.length, 2, ".ci/install-helm brings Helm 4 and 3");
const [helm4 = { major: 4, path: "helm" } satisfies Helm] = helms;
const skip = helms.length === 2 ? false : "SKIPPED: needs Helm 4 and Helm 3; run .ci/install-helm";

const valuesOf = (shape: string): string => join(CHART, "ci", `${shape}-values.yaml`);
const renderShape = (shape: string, ...args: string[]): KubernetesObject[] =>
  parseObjects(render(helm4, CHART, "--values", valuesOf(shape), ...args));

/** What the chart says where a DaemonSet with these values has too short a grace period; else nothing. */
function graceNeeded(...values: string[]): string {
  const { status, stderr } = run(helm4, "template", "release", CHART, "--set", values.join(","));
  return status === 0 ? "" : (/use at least \d+/.exec(stderr)?.[0] ?? stderr);
}

describe("the chart", { skip }, () => {
  for (const helm of helms) {
    test(`Helm ${helm.major} lints every shape without a complaint`, () => {
      for (const shape of SHAPES) {
        const { status, stdout, stderr } = run(helm, "lint", "--strict", CHART, "--values", valuesOf(shape));
        assert.equal(status, 0, stdout + stderr);
        assert.doesNotMatch(stdout, /\[(WARNING|ERROR)\]/);
      }
    });
  }

  for (const shape of SHAPES) {
    test(`${shape}: Helm 3 and Helm 4 render the same, and it is what was reviewed`, (t) => {
      const [four, three] = helms.map((helm) => render(helm, CHART, "--values", valuesOf(shape)));
      assert.equal(three, four);
      t.assert.fileSnapshot(four, join(FIXTURES, "golden", `${shape}.yaml`), { serializers: [String] });
    });

    test(`${shape}: an API server would accept every object`, () => {
      assert.deepEqual(renderShape(shape).flatMap(problems), []);
    });

    test(`${shape}: pullmeter is hardened, probed and scraped at its admin port`, () => {
      const containers = renderShape(shape).flatMap((object) => pullmeterIn(podSpecOf(object)));
      assert.notEqual(containers.length, 0);
      for (const container of containers) assertHardened(container);
    });

    test(`${shape}: pullmeter accepts the rendered configuration and arguments`, (t) => {
      const objects = renderShape(shape);
      const containers = objects.flatMap((object) => pullmeterIn(podSpecOf(object)));
      for (const { args } of containers) assertConfigAccepted(t, find(objects, "ConfigMap"), args);
    });
  }

  test("a DaemonSet whose grace period is shorter than draining and lingering is refused", () => {
    assert.equal(graceNeeded("config.timeouts.drain=26s"), "");
    assert.equal(graceNeeded("config.timeouts.drain=26500ms"), "use at least 31");
    assert.equal(graceNeeded("config.admin.linger=1m0.5s"), "use at least 87");
    assert.equal(graceNeeded("config.admin.linger=1m0.5s", "terminationGracePeriodSeconds=87"), "");
    assert.equal(graceNeeded("config.admin.linger=1h", "mode=sidecar"), "");
  });

  test("daemonset: pods are on the host network and in no other namespace of the host, without a token", () => {
    const daemonSet = find(renderShape("daemonset"), "DaemonSet");
    const pod = podSpecOf(daemonSet);
    assert.equal(pod?.hostNetwork, true);
    assert.equal(pod.hostPID ?? pod.hostIPC, undefined);
    assert.equal(pod.automountServiceAccountToken, false);
    assert.partialDeepStrictEqual(pod.securityContext, { runAsNonRoot: true, runAsUser: 65_532 });
  });

  test("daemonset: every listener's port is declared, so that the scheduler sees a conflict, and each once", () => {
    const listeners = JSON.stringify([
      { address: "127.0.0.1:5001", registry: "docker.io" },
      { address: "[::1]:5001", registry: "docker.io" },
    ]);
    const rendered = renderShape("daemonset", "--set-json", `config.listeners=${listeners}`);
    const [container] = podSpecOf(find(rendered, "DaemonSet"))?.containers ?? [];
    assert.deepEqual(
      container?.ports?.map(({ containerPort }) => containerPort),
      [9090, 5001],
    );
    assert.deepEqual(rendered.flatMap(problems), []);
  });

  test("an admin listener with TLS and credentials is probed and scraped by HTTPS, its Secret mounted", () => {
    const values = {
      config: {
        admin: {
          address: "0.0.0.0:9090",
          tls: { certFile: "/etc/pullmeter-tls/tls.crt", keyFile: "/etc/pullmeter-tls/tls.key" },
          auth: { bearerFile: "/etc/pullmeter-tls/tokens" },
        },
      },
      extraVolumes: [{ name: "tls", secret: { secretName: "pullmeter-tls" } }],
      extraVolumeMounts: [{ name: "tls", mountPath: "/etc/pullmeter-tls", readOnly: true }],
      podMonitor: {
        enabled: true,
        authorization: { credentials: { name: "pullmeter-tls", key: "token" } },
        tlsConfig: { serverName: "pullmeter" },
      },
    };
    const set = Object.entries(values).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]);
    const rendered = parseObjects(render(helm4, CHART, ...set));
    assert.deepEqual(rendered.flatMap(problems), []);
    const [container] = podSpecOf(find(rendered, "DaemonSet"))?.containers ?? [];
    for (const probe of [container?.startupProbe, container?.livenessProbe, container?.readinessProbe]) {
      assert.partialDeepStrictEqual(probe, { httpGet: { scheme: "HTTPS" } });
    }
    assert.partialDeepStrictEqual(container?.volumeMounts, [{}, { mountPath: "/etc/pullmeter-tls" }]);
    const [endpoint] = find(rendered, "PodMonitor").spec?.podMetricsEndpoints ?? [];
    const { authorization, tlsConfig } = values.podMonitor;
    assert.partialDeepStrictEqual(endpoint, { scheme: "https", authorization, tlsConfig });
  });

  test("daemonset: the selector survives every upgrade", (t) => {
    const chart = temporaryFolder(t);
    cpSync(CHART, chart, { recursive: true });
    const text = readFileSync(join(chart, "Chart.yaml"), "utf8");
    writeFileSync(join(chart, "Chart.yaml"), text.replaceAll(/ersion: \d+\.\d+\.\d+$/gm, "ersion: 9.9.9"));
    const changed = ["--set", "commonLabels.team=a,podLabels.tier=b,image.tag=c,config.isolation=d"];
    const before = find(parseObjects(render(helm4, CHART)), "DaemonSet");
    const after = find(parseObjects(render(helm4, chart, ...changed)), "DaemonSet");
    assert.match(JSON.stringify(after), /pullmeter-9\.9\.9/);
    assert.deepEqual(after.spec?.selector, before.spec?.selector);
  });

  test("a changed configuration rolls the pods out, and nothing else does", () => {
    assert.equal(checksum("--set", "podMonitor.enabled=true"), checksum());
    assert.notEqual(checksum("--set", "config.isolation=other"), checksum());
  });

  test("a release name of any length gives names that Kubernetes accepts", () => {
    // 53: Helm's own limit for the name of a release.
    for (const name of ["x".repeat(53), `${"x".repeat(52)}1`, "a-pullmeter", "a"]) {
      const { stdout, stderr } = run(helm4, "template", name, CHART, "--set", "mode=sidecar,podMonitor.enabled=true");
      assert.notEqual(stdout, "", stderr);
      assert.deepEqual(parseObjects(stdout).flatMap(problems), []);
    }
  });

  test("the PodMonitor selects the pods of its shape by the port's name", () => {
    for (const shape of ["daemonset-full", "sidecar"]) {
      const [endpoint, ...more] = find(renderShape(shape), "PodMonitor").spec?.podMetricsEndpoints ?? [];
      assert.deepEqual(more, []);
      assert.deepEqual([endpoint?.port, endpoint?.path], ["pullmeter-admin", "/metrics"]);
    }
    const selected = find(renderShape("daemonset-full"), "PodMonitor").spec?.selector?.matchLabels ?? {};
    const labels = find(renderShape("daemonset-full"), "DaemonSet").spec?.template?.metadata.labels ?? {};
    assert.partialDeepStrictEqual(labels, selected);
  });

  const refused = [
    ["an unknown value", "replicas=2", /replicas/],
    ["an unknown shape", "mode=deployment", /mode/],
    ["a wrong type", "podMonitor.enabled=yes-please", /podMonitor/],
    ["a misspelt key of an image", "image.repo=x", /repo/],
    ["a digest that is none", "image.digest=latest", /digest/],
    ["a number as a label", "podLabels.tier=1", /podLabels/],
    ["a probe of another kind", "livenessProbe.exec=x", /livenessProbe/],
    ["a key that pullmeter does not know", "config.lisseners=x", /lisseners/],
    ["a misspelt key deep in the configuration", "config.timeouts.drian=5s", /drian/],
    ["a listener without an address", "config.listeners[0].registry=docker.io", /address/],
    ["an admin address without a port", "config.admin.address=0.0.0.0", /address/],
    [
      "an admin address on loopback",
      "config.admin.address=127.0.0.1:9090",
      /neither the kubelet's probes nor Prometheus/,
    ],
    [
      "an admin address on IPv6 loopback",
      "config.admin.address=[::1]:9090",
      /neither the kubelet's probes nor Prometheus/,
    ],
  ] as const;
  for (const [what, value, expected] of refused) {
    test(`both Helms refuse ${what}`, () => {
      for (const helm of helms) {
        const { status, stderr } = run(helm, "template", "release", CHART, "--set", value);
        assert.notEqual(status, 0, `Helm ${helm.major} took ${value}`);
        assert.match(stderr, expected);
      }
    });
  }

  // Helm 3 asks a cluster before it prints notes.
  test("the notes give containerd the listeners that serve every registry, at an address to dial", () => {
    const listeners = [{ address: ":5000" }, { address: "127.0.0.1:5001", registry: "docker.io" }];
    const values = ["--set-json", `config.listeners=${JSON.stringify(listeners)}`];
    const { stdout, stderr } = run(helm4, "install", "release", CHART, "--dry-run=client", ...values);
    const notes = stdout.split("NOTES:\n")[1] ?? assert.fail(stderr);
    assert.deepEqual(notes.match(/\[host\..*\]/g), ['[host."http://127.0.0.1:5000"]']);
    assert.match(notes, /daemonset\/release-pullmeter/);
  });

  test("helm test passes for a ready pullmeter and fails for another", async (t) => {
    const healthy = { "/readyz": [200, "ok"], "/metrics": [200, "pullmeter_build_info 1\n"] } as const;
    assert.equal(await helmTestAgainst(t, healthy), 0);
    assert.notEqual(await helmTestAgainst(t, { ...healthy, "/readyz": [503, "draining"] }), 0);
    assert.notEqual(await helmTestAgainst(t, { ...healthy, "/metrics": [200, "something_else 1\n"] }), 0);
  });
});

describe("a chart that depends on pullmeter", { skip }, () => {
  test("carries it as a native sidecar that Kubernetes accepts, with both Helms alike", (t) => {
    const parent = parentChart(t);
    const [four = "", three] = helms.map((helm) => render(helm, parent));
    assert.equal(three, four);
    const objects = parseObjects(four);
    assert.deepEqual(objects.flatMap(problems), []);
    assert.equal(
      objects.some(({ kind }) => kind === "DaemonSet"),
      false,
    );

    const pod = podSpecOf(find(objects, "Deployment"));
    const [sidecar, ...more] = pod?.initContainers ?? [];
    assert.deepEqual(more, []);
    assert.ok(sidecar);
    assert.equal(sidecar.restartPolicy, "Always");
    assertHardened(sidecar);
  });

  test("shares configuration, mirrors and the PodMonitor's label with it", (t) => {
    const objects = parseObjects(render(helm4, parentChart(t)));
    const deployment = find(objects, "Deployment");
    const configMap = find(objects, "ConfigMap");
    assertConfigAccepted(t, configMap);
    assert.match(configMap.data?.["config.yaml"] ?? "", /isolation: podman/);
    assert.deepEqual(podSpecOf(deployment)?.volumes, [
      { name: "pullmeter-config", configMap: { name: configMap.metadata.name } },
    ]);
    const [mount] = podSpecOf(deployment)?.containers?.[0]?.volumeMounts ?? [];
    assert.ok(mount?.subPath !== undefined && mount.subPath in (configMap.data ?? {}));
    assert.partialDeepStrictEqual(
      deployment.spec?.template?.metadata.labels,
      find(objects, "PodMonitor").spec?.selector?.matchLabels,
    );
  });

  test("can switch it off", (t) => {
    const objects = parseObjects(render(helm4, parentChart(t), "--set", "pullmeter.enabled=false"));
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ["Deployment"],
    );
    assert.doesNotMatch(JSON.stringify(objects), /pullmeter/);
  });

  test("is told when it forgot the shape", (t) => {
    const { status, stderr } = run(helm4, "template", "release", parentChart(t), "--set", "pullmeter.mode=daemonset");
    assert.notEqual(status, 0);
    assert.match(stderr, /mode is not sidecar/);
  });
});

test("every value of the chart is explained, by itself or as part of another", () => {
  const yaml = readFileSync(join(CHART, "values.yaml"), "utf8");
  const explained = documentedValues(yaml).map(({ path }) => path);
  const unexplained = leavesOf(parse(yaml)).filter(
    (leaf) => !explained.some((path) => leaf === path || leaf.startsWith(`${path}.`)),
  );
  assert.deepEqual(unexplained, []);
});

test("the chart says the same as the program, and the example as the chart: version, listeners, image", () => {
  const chart = parse(readFileSync(join(CHART, "Chart.yaml"), "utf8")) as { version: string; appVersion: string };
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const values = parse(readFileSync(join(CHART, "values.yaml"), "utf8")) as {
    config: { listeners: unknown };
    image: { repository: string };
  };
  assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  assert.deepEqual(values.config.listeners, DEFAULT_LISTENERS);
  const example = parseObjects(readFileSync(EXAMPLE, "utf8")).flatMap((object) => pullmeterIn(podSpecOf(object)));
  assert.deepEqual(
    example.map(({ image }) => image),
    [`${values.image.repository}:${version}`],
  );
});

test("the example pod is accepted by Kubernetes and by pullmeter, and as hard as the chart's", (t) => {
  const objects = parseObjects(readFileSync(EXAMPLE, "utf8"));
  assert.deepEqual(objects.flatMap(problems), []);
  assertConfigAccepted(t, find(objects, "ConfigMap"));
  const [sidecar, ...more] = pullmeterIn(podSpecOf(find(objects, "Pod")));
  assert.deepEqual(more, []);
  assert.ok(sidecar);
  assert.equal(sidecar.restartPolicy, "Always");
  assertHardened(sidecar);
});

function leavesOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const entries = Object.entries(value);
  return entries.length === 0
    ? [path]
    : entries.flatMap(([key, child]) => leavesOf(child, path === "" ? key : `${path}.${key}`));
}

function find(objects: readonly KubernetesObject[], kind: string): KubernetesObject {
  const [object, ...more] = objects.filter((candidate) => candidate.kind === kind);
  assert.ok(object, `no ${kind} was rendered`);
  assert.deepEqual(more, [], `more than one ${kind}`);
  return object;
}

function pullmeterIn(pod: PodSpec | undefined): readonly Container[] {
  const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
  return containers.filter(({ name }) => name === "pullmeter");
}

function checksum(...args: string[]): string | undefined {
  const { spec } = find(renderShape("daemonset", ...args), "DaemonSet");
  return spec?.template?.metadata.annotations?.["checksum/config"];
}

function assertHardened(container: Container): void {
  assert.deepEqual(container.securityContext, {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  });
  assert.equal(typeof container.resources?.limits?.["memory"], "string");
  const { startupProbe, livenessProbe, readinessProbe, ports = [] } = container;
  assert.deepEqual(
    [startupProbe, livenessProbe, readinessProbe].map((probe) => [probe?.httpGet.path, probe?.httpGet.port]),
    [
      ["/readyz", "pullmeter-admin"],
      ["/livez", "pullmeter-admin"],
      ["/readyz", "pullmeter-admin"],
    ],
  );
  assert.ok(ports.some(({ name }) => name === "pullmeter-admin"));
}

/** Runs the program itself with a container's arguments over what the container would find at /etc/pullmeter. */
function assertConfigAccepted(t: TestContext, configMap: KubernetesObject, args: readonly string[] = SERVE): void {
  const folder = temporaryFolder(t);
  const config = configMap.data?.["config.yaml"] ?? "";
  const file = join(folder, "config.yaml");
  // A file that another volume mounts.
  const certificate = join(folder, "ca.crt");
  cpSync(join(FIXTURES, "ca.crt"), certificate);
  writeFileSync(file, config.replaceAll("/etc/pullmeter-ca/ca.crt", certificate));

  const [command, mounted, ...more] = args;
  assert.deepEqual([command, mounted], SERVE);
  const cli = [join(ROOT, "bin", "pullmeter.js"), "check-config", `--config=${file}`, ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, cli, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const { admin } = parse(config) as { admin: { address: string } };
  assert.ok(stdout.includes(admin.address), stdout);
}

/** Exit code of the script that `helm test` runs, with a server of these answers in pullmeter's place. */
async function helmTestAgainst(t: TestContext, answers: Record<string, readonly [number, string]>): Promise<number> {
  const server = createServer(({ url = "" }, response) => {
    const [status, body] = answers[url] ?? [404, ""];
    response.writeHead(status, { connection: "close" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());

  const { port } = server.address() as AddressInfo;
  const pod = find(renderShape("daemonset", "--set", `config.admin.address=0.0.0.0:${port}`), "Pod");
  const [command, ...args] = pod.spec?.containers?.[0]?.command ?? [];
  assert.equal(command, "node");
  const check = spawn(process.execPath, args, { stdio: "ignore" });
  const [code] = (await once(check, "exit")) as [number];
  return code;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-chart-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The fixture's chart with this chart as its dependency, as `helm dependency build` would lay it out. */
function parentChart(t: TestContext): string {
  const folder = join(temporaryFolder(t), "executor");
  cpSync(join(FIXTURES, "executor"), folder, { recursive: true });
  mkdirSync(join(folder, "charts"));
  cpSync(CHART, join(folder, "charts", "pullmeter"), { recursive: true });
  return folder;
}
