import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { findNeedsRestart, LIVE_SETTINGS } from "../../../src/config/needs-restart.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { listSettings } from "../../../src/config/setting.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "pullmeter-restart-"));
after(() => rmSync(FOLDER, { recursive: true }));
const FILE = join(FOLDER, "config.yaml");

function load(text: string) {
  writeFileSync(FILE, text);
  return loadConfig({ file: FILE, flags: new Map(), environment: {} });
}

/** What keeps `after` from replacing `before`, one line each, without the folder. */
function needed(before: string, next: string): readonly string[] {
  const running = load(before).config;
  return new ConfigError(findNeedsRestart(running, load(next))).problems.map((line) => line.replace(`${FILE}:`, ""));
}

const BEFORE = `
listeners:
  - { name: one, address: 127.0.0.1:5000 }
  - { name: two, address: 127.0.0.1:5001, registry: docker.io }
`;

test("what says how requests are handled can be changed while the process runs", () => {
  const next = `
isolation: podman
trigger: warmup
allowPush: true
peerIdentity: proc
listeners:
  - { name: two, address: 127.0.0.1:5001, registry: docker.io, isolation: ci, trigger: execution, tokens: relay }
  - { name: one, address: 127.0.0.1:5000, allowPush: false, peerIdentity: none }
registries: { registry.internal: { upstream: "http://10.0.0.7:5000" } }
allowRegistries: ["*.example.com"]
wellKnownRegistries: false
admin: { linger: 1m }
traces: { endpoint: "http://127.0.0.1:4318/v1/traces" }
push: { url: "http://127.0.0.1:9091", job: builds }
headers: { isolation: x-isolation }
timeouts: { connect: 1s, drain: 1m }
tracker: { daemonSettle: 1s, maxPulls: 10 }
log: { level: debug }
`;
  assert.deepEqual(needed(BEFORE, next), []);
});

test("what was bound or named at the start needs a restart, and is told with its line", () => {
  const next = `
listeners:
  - name: one
    address: 127.0.0.1:5009
  - name: two
    address: 127.0.0.1:5001
    registry: ghcr.io
  - { name: three, address: 127.0.0.1:5002 }
admin:
  address: 127.0.0.1:9191
  finishedPullsKept: 5
metrics: { originName: other_name }
limits: { headerBytes: 8192 }
`;
  assert.deepEqual(needed(BEFORE, next), [
    "4: listeners[0].address: changed; needs a restart",
    "7: listeners[1].registry: changed; needs a restart",
    '8: listeners[2]: "three" is new; needs a restart',
    "10: admin.address: changed; needs a restart",
    "11: admin.finishedPullsKept: changed; needs a restart",
    "12: metrics.originName: changed; needs a restart",
    "13: limits.headerBytes: changed; needs a restart",
  ]);
});

test("a listener that is not there any more needs a restart", () => {
  const next = "listeners:\n  - { name: one, address: 127.0.0.1:5000 }\n";
  assert.deepEqual(needed(BEFORE, next), ['1: listeners: "two" is not there any more; needs a restart']);
});

test("a setting that goes back to its default after a restart is named as well", () => {
  assert.deepEqual(needed("limits: { headerBytes: 8192 }", ""), [
    "default: limits.headerBytes: changed; needs a restart",
  ]);
});

test("every setting that can be changed live exists", () => {
  const known = listSettings().map(({ path }) => path.join("."));
  const unknown = LIVE_SETTINGS.map((path) => path.join(".")).filter(
    (path) => !path.startsWith("listeners.") && !known.some((name) => name === path || name.startsWith(`${path}.`)),
  );
  assert.deepEqual(unknown, []);
});
