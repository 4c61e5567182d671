import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { readRecording } from "../../../src/cli/recording.ts";
import { replay } from "../../../src/cli/replay.ts";
import { digest } from "../../support/pull-story.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pullmeter-replay-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const META = { meta: { client: "containerd", version: "2.1.9", scenario: "two" } };
const HEAD = {
  seq: 1,
  via: "mirror",
  conn: 1,
  t: 10,
  tHead: 12,
  tEnd: 13,
  method: "HEAD",
  url: "/v2/lib/app/manifests/v1?ns=reg.example%3A7000",
  reqHeaders: { "User-Agent": "containerd/2.1.9" },
  status: 200,
  respHeaders: { "docker-content-digest": digest("m"), "content-length": "500" },
  respBytes: 0,
};

function jsonLines(...lines: readonly object[]): string {
  return lines.map((line) => JSON.stringify(line)).join("\n");
}

async function run(paths: string[]): Promise<{ code: number; lines: string[]; errors: string[] }> {
  const lines: string[] = [];
  const errors: string[] = [];
  const code = await replay(paths, { write: (line) => lines.push(line), writeError: (line) => errors.push(line) });
  return { code, lines, errors };
}

test("a recording is printed as one JSON line with its pulls", async (t) => {
  const path = join(folder(t), "one.jsonl");
  writeFileSync(path, jsonLines(META, HEAD));
  const { code, lines } = await run([path]);
  assert.equal(code, 0);
  const [line = "", ...others] = lines;
  assert.equal(others.length, 0);
  assert.deepEqual(JSON.parse(line).pulls, [
    {
      registry: "reg.example:7000",
      repository: "lib/app",
      reference: "v1",
      status: "ok",
      cause: "none",
      on_disk: true,
      has_creds: false,
      isolation: "containerd",
      attempts: 1,
      startMs: 10,
      endMs: 13,
      bytes: 0,
      layersRequested: 0,
      requests: [1],
    },
  ]);
});

test("directories are read recursively, and files are named by folder and base name", async (t) => {
  const path = folder(t);
  mkdirSync(join(path, "podman-5.8.6"));
  writeFileSync(join(path, "podman-5.8.6", "b.jsonl"), jsonLines(META));
  writeFileSync(join(path, "podman-5.8.6", "a.jsonl.gz"), gzipSync(jsonLines(META, HEAD)));
  writeFileSync(join(path, "podman-5.8.6", "a.truth.json"), "{}");
  writeFileSync(join(path, "expected.json"), "{}");
  const { code, lines } = await run([path]);
  assert.equal(code, 0);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ file, pulls }) => [file, pulls.length]),
    [
      ["podman-5.8.6/a", 1],
      ["podman-5.8.6/b", 0],
    ],
  );
});

for (const [name, text, message] of [
  ["that is not JSON", `${JSON.stringify(META)}\n{"seq":`, ":2: is not JSON"],
  ["that is no object", "[1]", ":1: is not a JSON object"],
  ["of something else", '{"hello":"world"}', ":1: is no line of a recording (no meta, event, via or tokenServer)"],
  ["without a time", jsonLines(META, { ...HEAD, t: "10" }), ':2: "t" must be a number'],
  ["without a URL", jsonLines({ ...HEAD, url: 5 }), ':1: "url" must be text'],
  ["with headers that are none", jsonLines({ ...HEAD, reqHeaders: [] }), ':1: "reqHeaders" must be an object'],
  [
    "of a connection without a number",
    jsonLines({ connOpen: "x", via: "mirror", t: 1 }),
    ':1: "connOpen" must be a number',
  ],
] as const) {
  test(`a line ${name} is refused with its place`, async (t) => {
    const path = join(folder(t), "bad.jsonl");
    writeFileSync(path, text);
    const { code, errors } = await run([path]);
    assert.equal(code, 2);
    assert.deepEqual(errors, [`pullmeter replay: ${path}${message}`]);
  });
}

test("a file that is not there is named", async () => {
  const { code, errors } = await run(["/nowhere/at-all.jsonl"]);
  assert.equal(code, 2);
  assert.match(errors[0] ?? "", /^pullmeter replay: \/nowhere\/at-all\.jsonl: ENOENT/);
});

test("a compressed file that is none is named", async (t) => {
  const path = join(folder(t), "bad.jsonl.gz");
  writeFileSync(path, "plain");
  const { code, errors } = await run([path]);
  assert.equal(code, 2);
  assert.match(errors[0] ?? "", /bad\.jsonl\.gz: incorrect header check/);
});

test("events come in the order of time, of one millisecond: openings, requests by number, closings", (t) => {
  const path = join(folder(t), "order.jsonl");
  const second = { ...HEAD, seq: 2, conn: 2, t: 13, tHead: 13, tEnd: 13 };
  writeFileSync(
    path,
    jsonLines({ connClose: 1, via: "mirror", t: 13 }, second, { connOpen: 2, via: "mirror", t: 13 }, HEAD, {
      connOpen: 1,
      via: "mirror",
      t: 10,
    }),
  );
  assert.deepEqual(
    readRecording(path).map((event) => ("transfer" in event ? `${event.type} ${event.transfer}` : event.type)),
    [
      "connection-opened",
      "started 1",
      "responded 1",
      "connection-opened",
      "finished 1",
      "started 2",
      "responded 2",
      "finished 2",
      "connection-closed",
    ],
  );
});

test("what went around the mirror is left out", (t) => {
  const path = join(folder(t), "upstream.jsonl");
  writeFileSync(path, jsonLines({ ...HEAD, via: "upstream" }, { connOpen: 1, via: "upstream", t: 1 }));
  assert.deepEqual(readRecording(path), []);
});

test("without recorded connections, one closes after a request that says so, and no other does", (t) => {
  const path = join(folder(t), "close.jsonl");
  const closing = { ...HEAD, seq: 2, conn: 2, reqHeaders: { "user-agent": "containers/5.23.1", connection: "close" } };
  writeFileSync(path, jsonLines(HEAD, closing));
  const closed = readRecording(path).filter(({ type }) => type === "connection-closed");
  assert.deepEqual(closed, [{ type: "connection-closed", atMs: 13, connection: 2 }]);
});

for (const [authorization, credentials] of [
  ["Basic <redacted>", "basic"],
  ["Basic <redacted> (decodes to empty user and password)", "anonymous_basic"],
  ['Bearer <redacted> (JWT sub="alice" access=[])', "bearer"],
  ['Bearer <redacted> (JWT sub="" access=[])', "anonymous_bearer"],
  ["Bearer <redacted>", "opaque_bearer"],
  ["Basic YWxpY2U6cHc=", "basic"],
  [undefined, "none"],
] as const) {
  test(`the redacted header "${authorization}" is read as ${credentials}`, (t) => {
    const path = join(folder(t), "auth.jsonl");
    const reqHeaders = { ...HEAD.reqHeaders, ...(authorization === undefined ? {} : { authorization }) };
    writeFileSync(path, jsonLines({ ...HEAD, reqHeaders }));
    const [started] = readRecording(path);
    assert.equal(started?.type === "started" && started.credentials, credentials);
  });
}

test("an aborted response is the client's doing or a cut", (t) => {
  const path = join(folder(t), "aborted.jsonl");
  const aborted = { ...HEAD, method: "GET", aborted: true, respBytes: 7 };
  writeFileSync(
    path,
    jsonLines({ ...aborted, abortedBy: "client" }, { ...aborted, seq: 2, abortedBy: "cut@7", status: undefined }),
  );
  const failed = readRecording(path).filter((event) => event.type === "failed");
  assert.deepEqual(
    failed.map(({ failure, bytes }) => [failure, bytes]),
    [
      ["client_aborted", 7],
      ["truncated", 7],
    ],
  );
});

test("ranges, trace ids, isolation and retry times are read from headers", (t) => {
  const path = join(folder(t), "headers.jsonl");
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  writeFileSync(
    path,
    jsonLines({
      ...HEAD,
      method: "GET",
      status: 206,
      reqHeaders: {
        range: "bytes=40-",
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        "x-wire-isolation": "podman",
      },
      respHeaders: { "content-range": "bytes 40-99/100", "retry-after": "2" },
    }),
  );
  const [started, responded] = readRecording(path);
  assert.ok(started?.type === "started" && responded?.type === "responded");
  assert.deepEqual([started.rangeStart, started.traceId, started.isolation], [40, traceId, "podman"]);
  assert.deepEqual(responded.contentRange, { start: 40, end: 99, size: 100 });
  assert.equal(responded.retryAfterSeconds, 2);
});
