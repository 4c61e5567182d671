import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, type ConfigSources } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { listSettings } from "../../../src/config/setting.ts";
import { DEFAULT_PROXY_SETTINGS } from "../../../src/proxy/proxy.ts";
import { DEFAULT_SETTINGS } from "../../../src/pull/settings.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/config");

function load(sources: Partial<ConfigSources> = {}) {
  return loadConfig({ flags: new Map(), environment: {}, ...sources });
}

function problemsOf(sources: Partial<ConfigSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return assert.fail("the configuration was accepted");
}

test("without any configuration there is one shared listener, six for public registries, and admin", () => {
  const { config } = load();
  assert.deepEqual(
    config.listeners.map(({ name, address, registry }) => [name, address.host, address.port, registry]),
    [
      ["shared", "127.0.0.1", 5000, undefined],
      ["docker.io", "127.0.0.1", 5001, "docker.io"],
      ["ghcr.io", "127.0.0.1", 5002, "ghcr.io"],
      ["quay.io", "127.0.0.1", 5003, "quay.io"],
      ["gcr.io", "127.0.0.1", 5004, "gcr.io"],
      ["registry.k8s.io", "127.0.0.1", 5005, "registry.k8s.io"],
      ["mcr.microsoft.com", "127.0.0.1", 5006, "mcr.microsoft.com"],
    ],
  );
  assert.deepEqual(config.admin, { address: { host: "127.0.0.1", port: 9090 }, finishedPullsKept: 100, linger: 0 });
  assert.equal(config.metrics.originName, "buildbuddy_remote_execution_image_fetch_duration_usec");
  assert.deepEqual(config.headers, { isolation: "x-pullmeter-isolation", trigger: "x-pullmeter-trigger" });
});

test("every time and bound of the tracker has the default that the tracker itself has", () => {
  const { tracker } = load().config;
  const named = Object.entries(tracker).map(([key, value]) => [key.startsWith("max") ? key : `${key}Ms`, value]);
  const own = Object.fromEntries(named.map(([key]) => [key, Reflect.get(DEFAULT_SETTINGS, String(key))]));
  assert.deepEqual(Object.fromEntries(named), own);
});

test("every timeout has the default that the data plane itself has", () => {
  const { timeouts, limits, headers } = load().config;
  assert.deepEqual(
    {
      connectTimeoutMs: timeouts.connect,
      tlsTimeoutMs: timeouts.tls,
      headTimeoutMs: timeouts.header,
      answerTimeoutMs: timeouts.answer,
      resumeTimeoutMs: timeouts.resume,
      stallTimeoutMs: timeouts.stall,
      clientHeadTimeoutMs: timeouts.clientHeader,
      clientBodyTimeoutMs: timeouts.clientBody,
      keepAliveTimeoutMs: timeouts.keepAlive,
      maxConnections: limits.connections,
      maxTransfers: limits.transfers,
      maxHeadBytes: limits.headerBytes,
      labelHeaders: headers,
    },
    DEFAULT_PROXY_SETTINGS,
  );
});

test("a file with every kind of setting is read whole", () => {
  const { config } = load({ file: join(FIXTURES, "valid-full.yaml") });
  const inherited = { isolation: "podman", allowPush: false, peerIdentity: "none", tokens: "pass" };
  const [shared, ...others] = config.listeners;
  const { files, protection, ...rest } = shared ?? {};
  assert.deepEqual(rest, { name: "shared", address: { host: "", port: 5000 }, ...inherited });
  assert.deepEqual(files?.tls?.keyFile, join(FIXTURES, "../tls/key.pem"));
  assert.match(protection?.tls?.clientCa ?? "", /^-----BEGIN CERTIFICATE-----/);
  assert.equal(protection?.credentials?.challenges.length, 2);
  assert.deepEqual(others, [
    { name: "docker.io", address: { host: "::1", port: 5001 }, registry: "docker.io", ...inherited, trigger: "warmup" },
    {
      name: "internal",
      address: { host: "127.0.0.1", port: 5002 },
      registry: "registry.internal:5000",
      isolation: "firecracker",
      trigger: "execution",
      allowPush: true,
      peerIdentity: "proc",
      tokens: "relay",
    },
  ]);
  const internal = config.registries.get("registry.internal:5000");
  assert.equal(internal?.upstream?.href, "http://10.0.0.7:5000/");
  assert.match(internal?.ca ?? "", /^-----BEGIN CERTIFICATE-----/);
  assert.equal(internal?.redirects, "pass");
  assert.equal(internal?.allowPrivateAddresses, false);
  assert.equal(internal?.verifyBlobs, 0.5);
  assert.deepEqual(internal?.privateRedirectHosts, ["blobs.internal"]);
  assert.deepEqual([internal?.tokens, internal?.tokenHosts], ["relay", ["auth.internal"]]);
  assert.equal(
    String(config.registries.get("mirror.example.com")?.proxy),
    "http://user:secret@proxy.example.com:3128/",
  );
  assert.deepEqual(config.allowRegistries, ["*.example.com", "registry.example.org:5000"]);
  assert.equal(config.wellKnownRegistries, false);
  const { files: adminFiles, protection: adminProtection, ...admin } = config.admin;
  assert.deepEqual(admin, { address: { host: "localhost", port: 9191 }, finishedPullsKept: 0, linger: 60_000 });
  assert.deepEqual(adminFiles, { auth: { bearerFile: join(FIXTURES, "tokens") } });
  assert.deepEqual(adminProtection?.credentials?.challenges, ['Bearer realm="pullmeter"']);
  assert.deepEqual(config.push, {
    url: new URL("http://pushgateway.example.com:9091/push"),
    headers: ["X-Scope", "one"],
    job: "builds",
    instance: "builder-7",
  });
  assert.deepEqual(config.metrics, { originName: "none" });
  assert.deepEqual(config.headers, { isolation: "x-isolation", trigger: "x-pullmeter-trigger" });
  assert.deepEqual(config.timeouts, {
    connect: 500,
    tls: 2_000,
    header: 15_000,
    answer: 28_000,
    resume: 45_000,
    stall: 90_000,
    clientHeader: 15_000,
    clientBody: 10_000,
    keepAlive: 120_000,
    drain: 0,
  });
  assert.equal(config.tracker.daemonSettle, 1500);
  assert.deepEqual(config.limits, { headerBytes: 32_768, connections: 100, transfers: 50 });
  assert.deepEqual(config.log, { level: "debug" });
});

test("a flag wins over the environment, that over the file, and that over the default", () => {
  const file = join(FIXTURES, "layers.yaml");
  const environment = { PULLMETER_LOG_LEVEL: "warn", PULLMETER_TIMEOUTS_DRAIN: "2s" };
  const flags = new Map([["--log-level", ["error"]]]);
  const { config, originOf } = load({ file, environment, flags });
  assert.equal(config.log.level, "error");
  assert.equal(originOf(["log", "level"]), "--log-level");
  assert.equal(config.timeouts.drain, 2000);
  assert.equal(originOf(["timeouts", "drain"]), "PULLMETER_TIMEOUTS_DRAIN");
  assert.equal(config.timeouts.stall, 3000);
  assert.equal(originOf(["timeouts", "stall"]), `${file}:5`);
  assert.equal(config.timeouts.connect, 5000);
  assert.equal(originOf(["timeouts", "connect"]), "default");
});

test("listeners of a flag replace those of the file, registries join theirs", () => {
  const flags = new Map([
    ["--listener", ["127.0.0.1:7001=quay.io", ":7000"]],
    ["--registry", ["ghcr.io=http://127.0.0.1:1", "new.example.com"]],
  ]);
  const { config } = load({ file: join(FIXTURES, "layers.yaml"), flags });
  assert.deepEqual(
    config.listeners.map(({ name }) => name),
    ["quay.io", "shared"],
  );
  assert.equal(config.registries.get("ghcr.io")?.upstream?.origin, "http://127.0.0.1:1");
  assert.equal(config.registries.get("ghcr.io")?.redirects, "pass");
  assert.ok(config.registries.has("new.example.com"));
});

test("several values in a variable are separated by commas", () => {
  const { config } = load({
    environment: {
      PULLMETER_LISTENERS: "127.0.0.1:7000, 127.0.0.1:7001=ghcr.io",
      PULLMETER_REGISTRIES: "a.example.com=http://10.0.0.1:5000,b.example.com",
      PULLMETER_ALLOW_REGISTRIES: "*.example.org,c.example.com",
    },
  });
  assert.deepEqual(
    config.listeners.map(({ name }) => name),
    ["shared", "ghcr.io"],
  );
  assert.deepEqual([...config.registries.keys()], ["a.example.com", "b.example.com"]);
  assert.deepEqual(config.allowRegistries, ["*.example.org", "c.example.com"]);
});

test("an empty variable counts as none", () => {
  assert.equal(
    load({ environment: { PULLMETER_LOG_LEVEL: "", PULLMETER_LISTENERS: "", HTTPS_PROXY: "" } }).config.log.level,
    "info",
  );
});

test("what holds for all listeners holds unless one says otherwise", () => {
  const { config } = load({ file: join(FIXTURES, "layers.yaml"), environment: { PULLMETER_ALLOW_PUSH: "true" } });
  assert.deepEqual(
    config.listeners.map(({ name, isolation, trigger, allowPush }) => ({ name, isolation, trigger, allowPush })),
    [
      { name: "shared", isolation: "podman", trigger: "warmup", allowPush: true },
      { name: "shared-2", isolation: "firecracker", trigger: "execution", allowPush: false },
    ],
  );
});

test("problems of the file, the environment and flags are told in one error, each with its place", () => {
  const problems = problemsOf({
    file: join(FIXTURES, "invalid-durations.yaml"),
    environment: {
      PULLMETER_LOG_LEVEL: "loud",
      PULLMETER_ALLOW_PUSH: "yes",
      PULLMETER_LOGLEVEL: "info",
      HTTPS_PROXY: "socks5://user:hunter2@proxy",
    },
    flags: new Map([
      ["--timeouts-stall", ["soon"]],
      ["--listener", ["127.0.0.1:5000", "localhost=ghcr.io"]],
      ["--registry", ["ghcr.io=ghcr.io"]],
    ]),
  });
  assert.deepEqual(problems.slice(-7), [
    'PULLMETER_ALLOW_PUSH: allowPush: not a boolean; expected true or false (got "yes")',
    'PULLMETER_LOG_LEVEL: log.level: not one of its values; expected debug, info, warn, error, silent (got "loud")',
    "PULLMETER_LOGLEVEL: unknown variable; did you mean PULLMETER_LOG_LEVEL?",
    'HTTPS_PROXY: not a proxy; expected http://[USER:PASSWORD@]HOST[:PORT] (got "socks5://***@proxy")',
    '--listener: listeners[1].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "localhost")',
    '--registry: registries["ghcr.io"].upstream: not a base URL; expected http://HOST[:PORT] or https://HOST[:PORT], without user, path or query (got "ghcr.io")',
    '--timeouts-stall: timeouts.stall: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got "soon")',
  ]);
  assert.equal(problems.length, 12);
});

test("a file that is not there is a problem like any other", () => {
  const problems = problemsOf({ file: "/nowhere/pullmeter.yaml", flags: new Map([["--log-level", ["loud"]]]) });
  assert.deepEqual(problems, [
    "/nowhere/pullmeter.yaml: cannot be read; expected a YAML file (ENOENT)",
    '--log-level: log.level: not one of its values; expected debug, info, warn, error, silent (got "loud")',
  ]);
});

test("a file too large for a configuration is not even parsed", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "pullmeter.yaml");
  writeFileSync(file, `# ${"x".repeat(1024 * 1024)}`);
  assert.deepEqual(problemsOf({ file }), [`${file}: too large; expected at most 1 MiB of YAML`]);
});

test("an empty file and a file of comments are the default configuration", () => {
  for (const file of ["empty.yaml", "comments.yaml"]) {
    assert.equal(load({ file: join(FIXTURES, file) }).config.listeners.length, 7);
  }
});

test("variables that Kubernetes makes for a Service called pullmeter are nobody's mistake", () => {
  const environment = {
    PULLMETER_SERVICE_HOST: "10.0.0.1",
    PULLMETER_SERVICE_PORT: "5000",
    PULLMETER_SERVICE_PORT_HTTP: "5000",
    PULLMETER_PORT: "tcp://10.0.0.1:5000",
    PULLMETER_PORT_5000_TCP: "tcp://10.0.0.1:5000",
    PULLMETER_PORT_5000_TCP_ADDR: "10.0.0.1",
    PULLMETER_ADMIN_PORT_9090_TCP_PROTO: "tcp",
  };
  assert.equal(load({ environment }).config.listeners.length, 7);
});

test("no setting's variable can be mistaken for one of these", () => {
  const names = listSettings().map((setting) => setting.variable);
  assert.deepEqual(
    names.filter((name) => /_(?:PORT|HOST|TCP|UDP|SCTP|PROTO|ADDR)$|_SERVICE_/.test(name)),
    [],
  );
});

test("every setting has a flag and a variable of its own, derived from its path", () => {
  const settings = listSettings();
  assert.equal(new Set(settings.map((setting) => setting.flag)).size, settings.length);
  assert.equal(new Set(settings.map((setting) => setting.variable)).size, settings.length);
  const drain = settings.find((setting) => setting.path.join(".") === "timeouts.drain");
  assert.deepEqual(
    [drain?.flag, drain?.variable, drain?.fallback],
    ["--timeouts-drain", "PULLMETER_TIMEOUTS_DRAIN", "25s"],
  );
  const kept = settings.find((setting) => setting.path.join(".") === "admin.finishedPullsKept");
  assert.deepEqual(
    [kept?.flag, kept?.variable],
    ["--admin-finished-pulls-kept", "PULLMETER_ADMIN_FINISHED_PULLS_KEPT"],
  );
});

test("names that are taken are refused for the origin's histogram and for headers", () => {
  for (const name of ["pullmeter_pull_duration_seconds", "process_cpu_seconds_total", "nodejs_version_info"]) {
    assert.match(problemsOf({ flags: new Map([["--metrics-origin-name", [name]]]) })[0] ?? "", /free to use/);
  }
  for (const name of ["Authorization", "user-agent", "If-None-Match", "OCI-Namespace", "traceparent", "Host"]) {
    assert.match(problemsOf({ flags: new Map([["--headers-isolation", [name]]]) })[0] ?? "", /free to use/);
  }
});
