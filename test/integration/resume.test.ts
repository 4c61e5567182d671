import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { TransferEvent } from "../../src/pull/transfer-event.ts";
import { startProxy, upstreamAt, type TestProxy, type TestProxyOptions } from "../support/data-plane.ts";
import {
  responseBytes,
  startScriptedUpstream,
  type ScriptedUpstream,
  type WireRequest,
} from "../support/scripted-upstream.ts";
import { wireRequest, type WireResponse } from "../support/wire-client.ts";

// Bodies whose connection breaks: their client sees one body, or a cut, and never a wrong byte.

const BLOB = randomBytes(1_000_000);
const DIGEST = `sha256:${createHash("sha256").update(BLOB).digest("hex")}`;
const PATH = `/v2/library/app/blobs/${DIGEST}`;

type Respond = (request: WireRequest) => void;

function rangeOf({ headers }: WireRequest): { start: number; end: number } | undefined {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "range");
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(headers[at + 1] ?? "") ?? [];
  if (at === -1 || start === undefined) return undefined;
  return { start: Number(start), end: last === "" ? BLOB.length : Number(last) + 1 };
}

/** What a registry that knows ranges answers. */
function goodBytes(request: WireRequest, ...headers: readonly string[]): Buffer {
  const range = rangeOf(request);
  const { start, end } = range ?? { start: 0, end: BLOB.length };
  const head = [
    range === undefined ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
    `Content-Length: ${end - start}`,
    ...(range === undefined ? [] : [`Content-Range: bytes ${start}-${end - 1}/${BLOB.length}`]),
    ...headers,
  ];
  return responseBytes(head, BLOB.subarray(start, end));
}

const ALL = responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${BLOB.length}`], BLOB);

const good: Respond = (request) => void request.socket.write(goodBytes(request));

const drop: Respond = ({ socket }) => void socket.destroy();
const stall: Respond = (request) => void request.socket.write(goodBytes(request).subarray(0, 5_000));
const whole: Respond = ({ socket }) => void socket.write(ALL);
const forbidden: Respond = ({ socket }) => void socket.write("HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n");
const busy =
  (seconds: number): Respond =>
  ({ socket }) =>
    void socket.write(`HTTP/1.1 429 X\r\nRetry-After: ${seconds}\r\nContent-Length: 0\r\n\r\n`);
const expired: Respond = ({ socket }) => void socket.write("HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n");

/** So much of it, without telling how much there is, and closes. */
const unframed =
  (bytes: number, ...headers: readonly string[]): Respond =>
  ({ socket }) => {
    const head = ["HTTP/1.1 200 OK", ...headers, "", ""].join("\r\n");
    socket.end(Buffer.concat([Buffer.from(head), BLOB.subarray(0, bytes)]));
  };

/** Sends this much of what is good, and closes. */
const cutAfter =
  (bytes: number, ...headers: readonly string[]): Respond =>
  (request) =>
    void request.socket.end(goodBytes(request, ...headers).subarray(0, 200 + bytes));

/** 5,000 bytes in a chunk, and no further one. */
const cutChunked: Respond = ({ socket }) => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n";
  socket.end(Buffer.concat([Buffer.from(head), BLOB.subarray(0, 5_000), Buffer.from("\r\n")]));
};

/** Parts of 200,000 bytes at most, whatever is asked for. */
const inParts: Respond = (request) => {
  const { start = 0 } = rangeOf(request) ?? {};
  const end = Math.min(start + 200_000, BLOB.length);
  const range = `Content-Range: bytes ${start}-${end - 1}/${BLOB.length}`;
  const head = ["HTTP/1.1 206 Partial Content", `Content-Length: ${end - start}`, range];
  request.socket.write(responseBytes(head, BLOB.subarray(start, end)));
};

/** A part of 1,000 bytes in a chunk of 2,000. */
const tooMuch: Respond = (request) => {
  const { start = 0 } = rangeOf(request) ?? {};
  const chunk = Buffer.concat([BLOB.subarray(start, start + 1_000), Buffer.alloc(1_000)]);
  const head = `HTTP/1.1 206 X\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes ${start}-${start + 999}/${BLOB.length}`;
  request.socket.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n7d0\r\n`), chunk, Buffer.from("\r\n0\r\n\r\n")]));
};

/** The first requests each get an answer of their own, the others the last one. */
function inOrder(...answers: readonly Respond[]): Respond {
  let asked = 0;
  return (request) => answers[Math.min(asked++, answers.length - 1)]?.(request);
}

async function startPair(t: TestContext, respond: Respond, options: Partial<TestProxyOptions> = {}) {
  const upstream = await startScriptedUpstream(respond);
  t.after(() => upstream.close());
  const proxy = await startProxy(t, {
    upstreams: [upstreamAt(upstream.origin)],
    listener: { registry: "registry.test" },
    ...options,
  });
  return { upstream, proxy };
}

function get(proxy: TestProxy, ...headers: readonly string[]): Promise<WireResponse> {
  return wireRequest(proxy.port, [`GET ${PATH} HTTP/1.1`, "Host: h", ...headers]);
}

function assertWhole(response: WireResponse): void {
  assert.equal(response.statusLine, "HTTP/1.1 200 OK");
  assert.equal(response.complete, true);
  assert.equal(createHash("sha256").update(response.body).digest("hex"), DIGEST.slice("sha256:".length));
}

const asked = ({ requests }: ScriptedUpstream): (number | undefined)[] =>
  requests.map((request) => rangeOf(request)?.start);

const repeats = (proxy: TestProxy): Extract<TransferEvent, { type: "upstream-repeated" }>[] =>
  proxy.events.filter((event) => event.type === "upstream-repeated");

test("a blob that is cut goes on where it was cut", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(cutAfter(300_000), good));
  assertWhole(await get(proxy));
  assert.equal(upstream.requests.length, 2);
  assert.ok((asked(upstream)[1] ?? 0) > 290_000);
  const [repeat] = repeats(proxy);
  assert.deepEqual([repeat?.repeated, repeat?.cause], ["body", "truncated"]);
  assert.equal((await proxy.event("finished")).bytes, BLOB.length);
});

test("a blob that is cut again and again comes whole all the same", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(...Array.from({ length: 9 }, () => cutAfter(100_000)), good));
  assertWhole(await get(proxy));
  const offsets = asked(upstream).slice(1);
  assert.deepEqual(
    offsets,
    offsets.toSorted((one, other) => (one ?? 0) - (other ?? 0)),
  );
});

test("a blob that stalls goes on over another connection", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(stall, good), { settings: { stallTimeoutMs: 50 } });
  assertWhole(await get(proxy));
  assert.equal(repeats(proxy)[0]?.cause, "stalled");
  await upstream.until(() => upstream.sockets.size <= 1);
});

test("a blob that is cut before its first byte goes on at 0", async (t) => {
  const { proxy } = await startPair(
    t,
    inOrder(({ socket }) => void socket.end(ALL.subarray(0, ALL.indexOf("\r\n\r\n") + 4)), good),
  );
  assertWhole(await get(proxy));
});

test("a registry that ignores ranges sends everything again, and the client gets each byte once", async (t) => {
  const { proxy } = await startPair(t, inOrder(cutAfter(300_000), whole));
  assertWhole(await get(proxy));
});

test("a part that a client asked for is completed, and nothing beyond it", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(cutAfter(1_000), good));
  const response = await get(proxy, "Range: bytes=500000-599999", 'If-Range: "x"');
  assert.equal(response.statusLine, "HTTP/1.1 206 Partial Content");
  assert.deepEqual(response.body, BLOB.subarray(500_000, 600_000));
  const second = upstream.requests[1]?.headers ?? [];
  assert.equal(second.filter((text) => text.toLowerCase() === "range").length, 1);
  assert.ok(!second.some((text) => text.toLowerCase() === "if-range"));
});

test("a chunked blob of unknown length goes on, and its end is known from the rest", async (t) => {
  const { proxy } = await startPair(t, inOrder(cutChunked, good));
  assertWhole(await get(proxy));
});

for (const [what, first] of Object.entries({ "known length": cutAfter(5_000), "unknown length": cutChunked })) {
  test(`a blob of ${what} comes whole from a registry that gives less than it is asked for`, async (t) => {
    const { proxy } = await startPair(t, inOrder(first, inParts));
    assertWhole(await get(proxy));
  });
}

test("a part never gives more than its range, whatever comes in it", async (t) => {
  const { proxy } = await startPair(t, inOrder(cutAfter(5_000), tooMuch, good));
  assertWhole(await get(proxy));
});

test("a chunked blob that lacks only its end is whole when the registry says that nothing is left", async (t) => {
  const size = BLOB.length.toString(16);
  const bytes = [
    Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n`),
    BLOB,
    Buffer.from("\r\n"),
  ];
  const nothingLeft: Respond = ({ socket }) =>
    void socket.write(`HTTP/1.1 416 X\r\nContent-Range: bytes */${BLOB.length}\r\nContent-Length: 0\r\n\r\n`);
  const { proxy } = await startPair(
    t,
    inOrder(({ socket }) => void socket.end(Buffer.concat(bytes)), nothingLeft),
  );
  assertWhole(await get(proxy));
});

const WRONG: Readonly<Record<string, Respond>> = {
  "another offset": ({ socket }) =>
    void socket.write(
      responseBytes(
        ["HTTP/1.1 206 X", "Content-Length: 999999", `Content-Range: bytes 1-999999/${BLOB.length}`],
        BLOB.subarray(1),
      ),
    ),
  "another size": ({ socket }) =>
    void socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 1000001"], Buffer.alloc(1_000_001))),
  "another digest": (request) =>
    void request.socket.write(goodBytes(request, `Docker-Content-Digest: sha256:${"e".repeat(64)}`)),
  "another validator": (request) => void request.socket.write(goodBytes(request, 'ETag: "other"')),
  "an error": ({ socket }) => void socket.write(responseBytes(["HTTP/1.1 404 X", "Content-Length: 0"])),
};

for (const [what, wrong] of Object.entries(WRONG)) {
  test(`a rest with ${what} is not used: the client sees a cut`, async (t) => {
    const cut = cutAfter(300_000, `Docker-Content-Digest: ${DIGEST}`, 'ETag: "one"');
    const { proxy } = await startPair(t, inOrder(cut, wrong));
    const response = await get(proxy);
    assert.equal(response.complete, false);
    assert.deepEqual(response.body, BLOB.subarray(0, response.body.length));
    assert.equal((await proxy.event("failed")).failure, "truncated");
    assert.deepEqual(repeats(proxy), []);
  });

  test(`a rest with ${what} that is right the next time is used`, async (t) => {
    const cut = cutAfter(300_000, `Docker-Content-Digest: ${DIGEST}`, 'ETag: "one"');
    const { proxy } = await startPair(t, inOrder(cut, wrong, good));
    assertWhole(await get(proxy));
  });
}

test("a redirect whose signature expired meanwhile is resolved again, with the client's token", async (t) => {
  let signature = 0;
  const store = await startScriptedUpstream(inOrder(cutAfter(300_000), forbidden, good));
  t.after(() => store.close());
  const { proxy, upstream } = await startPair(t, ({ socket }) => {
    signature += 1;
    const location = `Location: ${store.origin.origin}/blob?sig=${signature}`;
    socket.write(responseBytes(["HTTP/1.1 307 X", location, "Content-Length: 0"]));
  });
  assertWhole(await get(proxy, "Authorization: Bearer client"));
  assert.deepEqual(
    store.requests.map(({ target }) => target),
    ["/blob?sig=1", "/blob?sig=1", "/blob?sig=2"],
  );
  assert.ok(!store.requests.some(({ headers }) => headers.includes("Authorization")));
  assert.ok(upstream.requests.every(({ headers }) => headers.includes("Bearer client")));
});

test("what goes on elsewhere is asked for there first when it is cut again", async (t) => {
  let signature = 0;
  const store = await startScriptedUpstream(inOrder(cutAfter(300_000), forbidden, cutAfter(300_000), good));
  t.after(() => store.close());
  const { proxy } = await startPair(t, ({ socket }) => {
    signature += 1;
    const location = `Location: ${store.origin.origin}/blob?sig=${signature}`;
    socket.write(responseBytes(["HTTP/1.1 307 X", location, "Content-Length: 0"]));
  });
  assertWhole(await get(proxy));
  assert.deepEqual(
    store.requests.map(({ target }) => target),
    ["/blob?sig=1", "/blob?sig=1", "/blob?sig=2", "/blob?sig=2"],
  );
});

test("who led back to the registry gets no credentials the second time either", async (t) => {
  const store = await startScriptedUpstream(({ socket }) => {
    socket.write(responseBytes(["HTTP/1.1 302 X", `Location: ${upstream.origin.origin}/back`, "Content-Length: 0"]));
  });
  t.after(() => store.close());
  const atRegistry = inOrder(cutAfter(300_000), good);
  const { proxy, upstream } = await startPair(t, (request) => {
    if (request.target === "/back") return atRegistry(request);
    const location = `Location: ${store.origin.origin}/away`;
    request.socket.write(responseBytes(["HTTP/1.1 307 X", location, "Content-Length: 0"]));
  });
  assertWhole(await get(proxy, "Authorization: Bearer client"));
  const back = upstream.requests.filter(({ target }) => target === "/back");
  assert.equal(back.length, 2);
  assert.ok(!back.some(({ headers }) => headers.includes("Authorization")));
});

test("a registry that says when to ask for the rest is asked no earlier, or never", async (t) => {
  const soon = await startPair(t, inOrder(cutAfter(300_000), busy(1), good));
  const startedMs = performance.now();
  assertWhole(await get(soon.proxy));
  assert.ok(performance.now() - startedMs >= 990);
  const late = await startPair(t, inOrder(cutAfter(300_000), busy(60), good));
  assert.equal((await get(late.proxy)).complete, false);
  assert.equal(late.upstream.requests.length, 2);
});

test("a redirect's target that still answers needs no token any more", async (t) => {
  const store = await startScriptedUpstream(inOrder(cutAfter(300_000), good));
  t.after(() => store.close());
  const location = `Location: ${store.origin.origin}/blob`;
  const redirect: Respond = ({ socket }) =>
    void socket.write(responseBytes(["HTTP/1.1 307 X", location, "Content-Length: 0"]));
  const { proxy } = await startPair(t, inOrder(redirect, expired));
  assertWhole(await get(proxy));
});

test("a blob without length and chunks that is cut goes on: its digest tells that it is not whole", async (t) => {
  // Once for the fast way, which does not read such answers, and once for undici.
  const { proxy } = await startPair(t, inOrder(unframed(5_000), unframed(5_000), good));
  assertWhole(await get(proxy));
});

test("a transfer coding that does nothing says nothing of the end either", async (t) => {
  const cut = unframed(5_000, "Transfer-Encoding: identity");
  const { proxy } = await startPair(t, inOrder(cut, cut, good));
  assertWhole(await get(proxy));
});

for (const coding of ["gzip", "gzip, chunked", "xchunked"]) {
  test(`a response coded for this hop as ${coding} is passed on by nobody`, async (t) => {
    const { proxy } = await startPair(t, unframed(5_000, `Transfer-Encoding: ${coding}`), {
      settings: { answerTimeoutMs: 100 },
    });
    assert.equal((await get(proxy)).statusLine, "HTTP/1.1 502 Bad Gateway");
  });
}

test("a blob without length and chunks that is whole needs nothing more", async (t) => {
  const { proxy, upstream } = await startPair(t, unframed(BLOB.length));
  assertWhole(await get(proxy));
  assert.equal(upstream.requests.length, 2);
});

test("a registry that comes back after it was away is asked until it answers", async (t) => {
  const { proxy } = await startPair(t, inOrder(cutAfter(300_000), drop, drop, drop, drop, drop, good));
  assertWhole(await get(proxy));
});

test("a client that goes away while its blob is looked for ends the search", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(cutAfter(300_000), drop));
  const controller = new AbortController();
  const response = await fetch(`${proxy.url}${PATH}`, { signal: controller.signal });
  await upstream.until(() => upstream.requests.length >= 4);
  controller.abort();
  await assert.rejects(response.arrayBuffer());
  assert.equal((await proxy.event("failed")).failure, "client_aborted");
  const { length } = upstream.requests;
  await proxy.close();
  assert.ok(upstream.requests.length <= length + 2);
});

test("a blob that never comes is looked for no longer than the time for it", async (t) => {
  const { proxy } = await startPair(t, inOrder(cutAfter(300_000), drop), { settings: { resumeTimeoutMs: 400 } });
  assert.equal((await get(proxy)).complete, false);
  assert.equal((await proxy.event("failed")).failure, "truncated");
});

test("without a time for it nothing is resumed", async (t) => {
  const { proxy, upstream } = await startPair(t, inOrder(cutAfter(300_000), good), {
    settings: { resumeTimeoutMs: 0 },
  });
  assert.equal((await get(proxy)).complete, false);
  assert.equal(upstream.requests.length, 1);
});
