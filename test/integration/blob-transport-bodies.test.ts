import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import type { UpstreamResponse } from "../../src/upstream/exchange.ts";
import { responseBytes, startScriptedUpstream, type WireRequest } from "../support/scripted-upstream.ts";
import { TEST_TLS } from "../support/tls.ts";
import { fetchFrom, readBody, startTransport } from "../support/transport.ts";

const MIB = 1024 * 1024;
/** More than the 16 MiB after which buffers grow. */
const BLOB = randomBytes(40 * MIB);
const DIGEST = sha256(BLOB);

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const ways = [
  { over: "TLS", tls: TEST_TLS },
  { over: "plaintext", tls: undefined },
] as const;

/** Takes every chunk at once. */
async function hashFast({ body }: UpstreamResponse): Promise<string> {
  const hash = createHash("sha256");
  await body.deliver((chunk) => {
    hash.update(chunk);
    return true;
  });
  return hash.digest("hex");
}

/** Looks at every chunk only a moment after it was given, as a socket does whose kernel takes no more. */
async function hashSlowly({ body }: UpstreamResponse, isSlow: (chunk: number) => boolean): Promise<string> {
  const hash = createHash("sha256");
  let chunks = 0;
  // Means nothing yet.
  body.resume();
  await body.deliver((chunk) => {
    chunks += 1;
    if (!isSlow(chunks)) {
      hash.update(chunk);
      return true;
    }
    // Two turns, in which everything that was decrypted already comes in.
    setImmediate(() =>
      setImmediate(() => {
        hash.update(chunk);
        body.resume();
      }),
    );
    return false;
  });
  return hash.digest("hex");
}

for (const { over, tls } of ways) {
  const start = (respond: (request: WireRequest) => void) =>
    startScriptedUpstream(respond, tls === undefined ? {} : { tls });

  test(`over ${over} a blob is the same bytes: for fast clients, slow ones, and three at once`, async (t) => {
    const upstream = await start(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BLOB.length}\r\n\r\n`);
      socket.write(BLOB);
    });
    t.after(() => upstream.close());
    const transport = startTransport(t);
    const fetch = () => fetchFrom(transport, upstream.origin);
    assert.equal(await hashFast(await fetch()), DIGEST);
    assert.equal(await hashSlowly(await fetch(), () => true), DIGEST);
    assert.equal(await hashSlowly(await fetch(), (chunk) => chunk % 7 === 0), DIGEST);
    const three = await Promise.all([
      fetch().then(hashFast),
      fetch().then((response) => hashSlowly(response, (chunk) => chunk % 2 === 0)),
      fetch().then((response) => hashSlowly(response, (chunk) => chunk > 100)),
    ]);
    assert.deepEqual(three, [DIGEST, DIGEST, DIGEST]);
    assert.equal(transport.leasedBytes, 0);
  });

  test(`over ${over} a fast client gets few large chunks`, async (t) => {
    const upstream = await start(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BLOB.length}\r\n\r\n`);
      socket.write(BLOB);
    });
    t.after(() => upstream.close());
    const { body } = await fetchFrom(startTransport(t), upstream.origin);
    let largest = 0;
    await body.deliver((chunk) => {
      largest = Math.max(largest, chunk.length);
      return true;
    });
    assert.ok(largest > 64 * 1024, String(largest));
  });

  test(`over ${over} a response may be cut anywhere`, async (t) => {
    const whole = responseBytes(["HTTP/1.1 200 OK", "X-Name: value", "Content-Length: 12"], "hello, world");
    const upstream = await start(({ socket, target }) => {
      const at = Number(target.slice(1));
      socket.write(whole.subarray(0, at));
      setImmediate(() => socket.write(whole.subarray(at)));
    });
    t.after(() => upstream.close());
    const transport = startTransport(t);
    for (let at = 1; at < whole.length; at += 1) {
      const response = await fetchFrom(transport, upstream.origin, { path: `/${at}` });
      assert.deepEqual(response.headers, ["X-Name", "value", "Content-Length", "12"]);
      assert.equal(await readBody(response), "hello, world", String(at));
    }
    assert.equal(upstream.connections, 1);
  });

  test(`over ${over} a response may come byte by byte, also in chunks`, async (t) => {
    const lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain"];
    const answers: Record<string, Buffer> = {
      "/length": responseBytes([...lines, "Content-Length: 12"], "hello, world"),
      "/chunks": responseBytes([...lines, "Transfer-Encoding: chunked"], "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"),
    };
    const upstream = await start(({ socket, target }) => {
      let at = 0;
      const whole = answers[target] ?? Buffer.alloc(0);
      const next = (): void => {
        socket.write(whole.subarray(at, at + 1));
        at += 1;
        if (at < whole.length) setImmediate(next);
      };
      next();
    });
    t.after(() => upstream.close());
    const transport = startTransport(t);
    for (const path of ["/length", "/chunks", "/length"]) {
      const response = await fetchFrom(transport, upstream.origin, { path });
      assert.equal(response.headers[1], "text/plain");
      assert.equal(await readBody(response), "hello, world", path);
    }
    assert.equal(upstream.connections, 1);
  });

  test(`over ${over} bytes behind a response end its connection, and are nobody's answer`, async (t) => {
    const answer = responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok");
    const smuggled = responseBytes(["HTTP/1.1 200 OK", "Content-Length: 4"], "evil");
    const upstream = await start(({ socket, connection }) => {
      if (connection > 2) return socket.write(answer);
      // In one write, and in one right behind.
      if (connection === 1) return socket.write(Buffer.concat([answer, smuggled]));
      socket.cork();
      socket.write(answer);
      socket.write(smuggled);
      return socket.uncork();
    });
    t.after(() => upstream.close());
    const transport = startTransport(t);
    for (let i = 0; i < 3; i += 1) {
      assert.equal(await readBody(await fetchFrom(transport, upstream.origin)), "ok");
      if (i === 2) break;
      assert.equal(transport.idleConnections, 0);
      await upstream.until(() => upstream.sockets.size === 0);
    }
    assert.equal(upstream.connections, 3);
  });

  test(`over ${over} bytes right behind a response are not the answer to a request that follows at once`, async (t) => {
    const upstream = await start(({ socket, connection }) => {
      // Two records over TLS, which come in one read.
      socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"));
      if (connection === 1) socket.write(responseBytes(["HTTP/1.1 200 OK", "Content-Length: 4"], "evil"));
    });
    t.after(() => upstream.close());
    const transport = startTransport(t);
    for (let i = 0; i < 2; i += 1) {
      const { body } = await fetchFrom(transport, upstream.origin);
      let read = "";
      await body.deliver((chunk) => {
        read += String(chunk);
        return true;
      });
      assert.equal(read, "ok");
    }
  });

  for (const [how, end] of [
    ["ends", "end"],
    ["is reset", "resetAndDestroy"],
  ] as const) {
    test(`over ${over} a body whose connection ${how} early is truncated behind what came`, async (t) => {
      let half: WireRequest["socket"] | undefined;
      const upstream = await start(({ socket }) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
        half = socket;
      });
      t.after(() => upstream.close());
      const { body } = await fetchFrom(startTransport(t), upstream.origin);
      let read = "";
      const delivered = body.deliver((chunk) => {
        read += String(chunk);
        if (end === "end") half?.end();
        else half?.destroy();
        return true;
      });
      await assert.rejects(delivered, { name: "UpstreamError", failure: "truncated" });
      assert.equal(read, "12345");
    });
  }
}

test("a connection whose last bytes came while it was paused reads the next response", async (t) => {
  const upstream = await startScriptedUpstream(
    ({ socket, target }) => {
      const bytes = Number(target.slice(1));
      socket.write(responseBytes(["HTTP/1.1 200 OK", `Content-Length: ${bytes}`], BLOB.subarray(0, bytes)));
    },
    { tls: TEST_TLS },
  );
  t.after(() => upstream.close());
  const transport = startTransport(t);
  // Where its records and buffers end decides what comes after a pause.
  for (let bytes = 56 * 1024; bytes < 160 * 1024; bytes += 4 * 1024) {
    const response = await fetchFrom(transport, upstream.origin, { path: `/${bytes}`, headTimeoutMs: 2_000 });
    assert.equal(await hashSlowly(response, () => true), sha256(BLOB.subarray(0, bytes)));
    await new Promise(setImmediate);
  }
  assert.equal(upstream.connections, 1);
});

test("what came before the end is delivered before the failure, also to a client that is slow", async (t) => {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  });
  t.after(() => upstream.close());
  const { body } = await fetchFrom(startTransport(t), upstream.origin);
  await upstream.until(() => upstream.sockets.size === 0);
  let read = "";
  await assert.rejects(
    body.deliver((chunk) => {
      setImmediate(() => {
        read += String(chunk);
        body.resume();
      });
      return false;
    }),
    { failure: "truncated" },
  );
  assert.equal(read, "12345");
});

test("chunks that cannot be read are a truncated body", async (t) => {
  const upstream = await startScriptedUpstream(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nX\r\n");
  });
  t.after(() => upstream.close());
  const response = await fetchFrom(startTransport(t), upstream.origin);
  await assert.rejects(readBody(response), { failure: "truncated" });
  await upstream.until(() => upstream.sockets.size === 0);
});

test("responses that have no body have none, whatever their head says", async (t) => {
  const upstream = await startScriptedUpstream(({ socket, target, method }) => {
    const status = method === "HEAD" ? "200" : target.slice(1);
    socket.write(responseBytes([`HTTP/1.1 ${status} x`, ...(status === "204" ? [] : ["Content-Length: 12"])]));
  });
  t.after(() => upstream.close());
  const transport = startTransport(t);
  for (const request of [{ method: "HEAD" }, { path: "/204" }, { path: "/304" }, { method: "HEAD" }] as const) {
    assert.equal(await readBody(await fetchFrom(transport, upstream.origin, request)), "");
  }
  assert.equal(upstream.connections, 1);
});
