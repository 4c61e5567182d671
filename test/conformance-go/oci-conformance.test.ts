import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { startProxy, upstreamAt } from "../support/data-plane.ts";

// The suite of the distribution specification, written in Go: https://github.com/opencontainers/distribution-spec/tree/main/conformance
const SUITE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111";

/**
 * A malformed digest in place of a reference is a 400 by the specification, and from the proxy (docs/request-handling.md);
 * Debian's registry answers 404, so it fails these alone and passes them behind the proxy.
 */
const STRICTER = new Set(
  ["manifest-put", "manifest-get"].map((name) => `OCI Conformance Test/invalid-digest-format/${name}`),
);

/** 5 min: to fetch and compile the suite, with an empty cache. */
const BUILD_TIMEOUT_MS = 300_000;
/** 2 min: one run takes 10 s where nothing else runs. */
const RUN_TIMEOUT_MS = 120_000;

const run = promisify(execFile);

const missing = ["go", "docker-registry"].filter((tool) => spawnSync(tool, ["--help"]).error !== undefined);

test(
  "the OCI conformance suite has the same results through the proxy as straight at the registry",
  { skip: missing.length > 0 && `NOT RUN: needs ${missing.join(" and ")} (apt-get install golang docker-registry)` },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "pullmeter-conformance-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const env = { ...process.env, GOBIN: folder };
    await run("go", ["install", SUITE], { env, timeout: BUILD_TIMEOUT_MS });
    const suite = join(folder, "conformance");

    // Each run has a registry of its own: the suite counts what is already there.
    const direct = await startRegistry(t, folder, "direct");
    const straight = await runSuite(suite, direct, join(folder, "straight"));
    const behind = await startRegistry(t, folder, "behind");
    const proxy = await startProxy(t, {
      upstreams: [upstreamAt(`http://${behind}`)],
      listener: { registry: "registry.test", allowPush: true },
    });
    const proxied = await runSuite(suite, `127.0.0.1:${proxy.port}`, join(folder, "proxied"));

    for (const name of STRICTER) {
      assert.deepEqual([straight.get(name), proxied.get(name)], ["failure", "passed"], name);
    }
    const differing = [...new Set([...straight.keys(), ...proxied.keys()])]
      .filter((name) => !STRICTER.has(name) && straight.get(name) !== proxied.get(name))
      .map((name) => `${name}: ${straight.get(name)} straight, ${proxied.get(name)} through the proxy`);
    assert.deepEqual(differing, []);
    const passed = [...straight.values()].filter((outcome) => /^(?:passed )+$/.test(`${outcome} `)).length;
    t.diagnostic(`${straight.size} tests, ${passed} passed, the same on both ways but for ${STRICTER.size}`);
    assert.ok(straight.size > 300 && passed > 200, `${straight.size} tests ran, ${passed} passed`);
    assert.ok(
      proxy.events.filter(({ type }) => type === "finished").length > 500,
      "the suite did go through the proxy",
    );
  },
);

/** Starts Debian's registry on a free port with an empty store, and returns host:port. */
async function startRegistry(t: TestContext, folder: string, name: string): Promise<string> {
  const port = await freePort();
  const config = join(folder, `${name}.yml`);
  const storage = { filesystem: { rootdirectory: join(folder, name) }, delete: { enabled: true } };
  const log = { level: "error", accesslog: { disabled: true } };
  await writeFile(config, JSON.stringify({ version: "0.1", log, storage, http: { addr: `127.0.0.1:${port}` } }));
  const registry = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  const exited = once(registry, "exit");
  t.after(async () => {
    registry.kill("SIGKILL");
    await exited;
  });
  const deadlineMs = Date.now() + 10_000;
  const url = `http://127.0.0.1:${port}/v2/`;
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    assert.ok(Date.now() < deadlineMs && registry.exitCode === null, "docker-registry did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return `127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Outcome of each test by name. Several of one name run in the random order of Go's maps: theirs are sorted. */
async function runSuite(suite: string, registry: string, results: string): Promise<ReadonlyMap<string, string>> {
  const env = {
    ...process.env,
    OCI_REGISTRY: registry,
    OCI_TLS: "disabled",
    OCI_RESULTS_DIR: results,
    OCI_LOG: "error",
  };
  // The registry fails some tests for itself, and so does the suite's exit code.
  await run(suite, [], { env, timeout: RUN_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: { killed?: boolean }) => {
      if (error.killed === true) throw error;
    },
  );
  const junit = await readFile(join(results, "junit.xml"), "utf8");
  const outcomes = new Map<string, string>();
  for (const [, name = "", outcome = ""] of junit.matchAll(/<testcase name="([^"]*)"[^>]* status="([^"]*)"/g)) {
    const before = outcomes.get(name)?.split(" ") ?? [];
    outcomes.set(name, [...before, outcome].toSorted().join(" "));
  }
  return outcomes;
}
