import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, request as httpRequest } from "node:http";
import { get as getTls } from "node:https";
import type { AddressInfo } from "node:net";
import { suite, test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { digestOf } from "../../src/demo/content.ts";
import { buildImage, sampleImages, type SampleImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { Recorder } from "../../src/demo/recorder.ts";
import { startDemoRegistry, type DemoRegistry, type DemoRegistryOptions } from "../../src/demo/registry.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { TEST_TLS } from "../support/tls.ts";

const IMAGE = buildImage({ repository: "lib/app", tag: "v1", layers: [buildLayer("one", 300_000)] });
const LAYER = IMAGE.blobs[1]!;
const BLOB_PATH = `/v2/lib/app/blobs/${LAYER.digest}`;

async function start(t: TestContext, options: Partial<DemoRegistryOptions> = {}): Promise<DemoRegistry> {
  const registry = await startDemoRegistry({ images: [IMAGE], ...options });
  t.after(() => registry.close());
  return registry;
}

async function errorCode(response: Response): Promise<unknown> {
  const body = (await response.json()) as { errors: { code: string }[] };
  return body.errors[0]?.code;
}

suite("read side of the distribution specification", () => {
  test("the ping answers 200 and names the API", async (t) => {
    const registry = await start(t);
    const response = await fetch(`${registry.url}/v2/`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("docker-distribution-api-version"), "registry/2.0");
  });

  test("a manifest is the same by tag and by digest, with type, digest and entity tag", async (t) => {
    const registry = await start(t);
    for (const reference of ["v1", IMAGE.root.digest]) {
      const response = await fetch(`${registry.url}/v2/lib/app/manifests/${reference}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), IMAGE.root.mediaType);
      assert.equal(response.headers.get("docker-content-digest"), IMAGE.root.digest);
      assert.equal(response.headers.get("etag"), `"${IMAGE.root.digest}"`);
      assert.equal(digestOf(Buffer.from(await response.arrayBuffer())), IMAGE.root.digest);
    }
  });

  test("HEAD has the headers of GET and no body", async (t) => {
    const registry = await start(t);
    for (const path of ["/v2/lib/app/manifests/v1", BLOB_PATH]) {
      const head = await fetch(registry.url + path, { method: "HEAD" });
      const whole = await fetch(registry.url + path);
      const body = await whole.arrayBuffer();
      assert.equal(head.headers.get("content-length"), String(body.byteLength));
      for (const name of ["content-type", "docker-content-digest", "etag", "accept-ranges"]) {
        assert.equal(head.headers.get(name), whole.headers.get(name), name);
      }
      assert.equal((await head.arrayBuffer()).byteLength, 0);
    }
  });

  test("If-None-Match with the entity tag answers 304 without a body", async (t) => {
    const registry = await start(t);
    for (const value of [`"${LAYER.digest}"`, `W/"${LAYER.digest}"`, `"other", "${LAYER.digest}"`, "*"]) {
      const response = await fetch(registry.url + BLOB_PATH, { headers: { "If-None-Match": value } });
      assert.equal(response.status, 304, value);
      assert.equal(response.headers.get("etag"), `"${LAYER.digest}"`);
    }
    const changed = await fetch(registry.url + BLOB_PATH, { headers: { "If-None-Match": '"other"' } });
    assert.equal(changed.status, 200);
  });

  const size = LAYER.bytes.length;
  const ranges = [
    { name: "first bytes", range: "bytes=0-9", status: 206, start: 0, end: 9 },
    { name: "open end", range: `bytes=${size - 5}-`, status: 206, start: size - 5, end: size - 1 },
    { name: "suffix", range: "bytes=-7", status: 206, start: size - 7, end: size - 1 },
    { name: "end behind the content", range: `bytes=10-${size + 100}`, status: 206, start: 10, end: size - 1 },
    { name: "start behind the content", range: `bytes=${size}-`, status: 416 },
    { name: "empty suffix", range: "bytes=-0", status: 416 },
    { name: "backwards", range: "bytes=9-5", status: 200 },
    { name: "two ranges", range: "bytes=0-1,3-4", status: 200 },
    { name: "another unit", range: "lines=1-2", status: 200 },
  ];
  for (const { name, range, status, start: first, end } of ranges) {
    test(`a blob's range is answered: ${name}`, async (t) => {
      const registry = await start(t);
      const response = await fetch(registry.url + BLOB_PATH, { headers: { Range: range } });
      assert.equal(response.status, status);
      const body = Buffer.from(await response.arrayBuffer());
      if (status === 206) {
        assert.equal(response.headers.get("content-range"), `bytes ${first}-${end}/${size}`);
        assert.deepEqual(body, LAYER.bytes.subarray(first, end! + 1));
      } else if (status === 416) {
        assert.equal(response.headers.get("content-range"), `bytes */${size}`);
        assert.equal(body.length, 0);
      } else {
        assert.equal(body.length, size);
      }
    });
  }

  test("If-Range with another entity tag gives the whole blob", async (t) => {
    const registry = await start(t);
    const headers = { Range: "bytes=0-9", "If-Range": '"other"' };
    assert.equal((await fetch(registry.url + BLOB_PATH, { headers })).status, 200);
    const same = await fetch(registry.url + BLOB_PATH, { headers: { ...headers, "If-Range": `"${LAYER.digest}"` } });
    assert.equal(same.status, 206);
  });

  const nothing = `sha256:${"0".repeat(64)}`;
  const errors = [
    { path: "/v2/lib/app/manifests/missing", status: 404, code: "MANIFEST_UNKNOWN" },
    { path: `/v2/lib/app/manifests/${nothing}`, status: 404, code: "MANIFEST_UNKNOWN" },
    { path: `/v2/lib/app/blobs/${nothing}`, status: 404, code: "BLOB_UNKNOWN" },
    { path: `/v2/lib/other/blobs/${LAYER.digest}`, status: 404, code: "BLOB_UNKNOWN" },
    { path: "/v2/lib/none/tags/list", status: 404, code: "NAME_UNKNOWN" },
    { path: "/v2/lib/app/blobs/sha256:abc", status: 400, code: "DIGEST_INVALID" },
    { path: "/v2/Lib/app/manifests/v1", status: 400, code: "NAME_INVALID" },
    { path: "/elsewhere", status: 405, code: "UNSUPPORTED" },
  ];
  for (const { path, status, code } of errors) {
    test(`${path} is answered ${status} ${code}`, async (t) => {
      const registry = await start(t);
      const response = await fetch(registry.url + path);
      assert.equal(response.status, status);
      assert.equal(await errorCode(response), code);
    });
  }

  test("it speaks TLS when it is given a certificate", async (t) => {
    const registry = await start(t, { tls: TEST_TLS });
    assert.match(registry.url, /^https:/);
    const status = await new Promise((resolve, reject) => {
      getTls(`${registry.url}/v2/`, { ca: TEST_TLS.ca, agent: false }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      }).on("error", reject);
    });
    assert.equal(status, 200);
  });

  test("what would write is refused", async (t) => {
    const registry = await start(t);
    const response = await fetch(`${registry.url}/v2/lib/app/blobs/uploads/`, { method: "POST" });
    assert.equal(response.status, 405);
    assert.equal(await errorCode(response), "UNSUPPORTED");
  });

  test("tags are listed in order, page by page", async (t) => {
    const images = ["v2", "v10", "latest"].map((tag) => ({ ...IMAGE, tag }));
    const registry = await start(t, { images });
    const all = await (await fetch(`${registry.url}/v2/lib/app/tags/list`)).json();
    assert.deepEqual(all, { name: "lib/app", tags: ["latest", "v10", "v2"] });
    const first = await fetch(`${registry.url}/v2/lib/app/tags/list?n=2`);
    assert.deepEqual(await first.json(), { name: "lib/app", tags: ["latest", "v10"] });
    assert.equal(first.headers.get("link"), '</v2/lib/app/tags/list?n=2&last=v10>; rel="next"');
    const second = await fetch(`${registry.url}/v2/lib/app/tags/list?n=2&last=v10`);
    assert.deepEqual(await second.json(), { name: "lib/app", tags: ["v2"] });
    assert.equal(second.headers.get("link"), null);
  });

  test("the catalog lists repositories, page by page", async (t) => {
    const registry = await start(t, { images: sampleImages() });
    const response = await fetch(`${registry.url}/v2/_catalog?n=3`);
    assert.deepEqual(await response.json(), { repositories: ["demo/app", "demo/broken", "demo/flaky"] });
    assert.equal(response.headers.get("link"), '</v2/_catalog?n=3&last=demo%2Fflaky>; rel="next"');
  });

  test("referrers are listed as an index, filtered by artifact type", async (t) => {
    const images = sampleImages();
    const registry = await start(t, { images });
    const subject = images[0]!.root.digest;
    const path = `${registry.url}/v2/demo/app/referrers/${subject}`;
    const response = await fetch(path);
    assert.equal(response.headers.get("content-type"), "application/vnd.oci.image.index.v1+json");
    const index = (await response.json()) as { manifests: { digest: string; artifactType: string }[] };
    assert.deepEqual(
      index.manifests.map((manifest) => manifest.artifactType),
      ["application/vnd.example.sbom.v1+json"],
    );
    const filtered = await fetch(`${path}?artifactType=application/other`);
    assert.equal(filtered.headers.get("oci-filters-applied"), "artifactType");
    assert.deepEqual(((await filtered.json()) as { manifests: unknown[] }).manifests, []);
  });
});

function basic(user: string, password: string): string {
  return `Basic ${btoa(`${user}:${password}`)}`;
}

async function tokenOf(registry: DemoRegistry, authorization?: string): Promise<string> {
  const scope = encodeURIComponent("repository:lib/app:pull");
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  const response = await fetch(`${registry.url}/token?service=x&scope=${scope}`, { headers });
  assert.equal(response.status, 200);
  return ((await response.json()) as { token: string }).token;
}

suite("credentials", () => {
  const users = { alice: "wonderland" };
  const privateRepositories = { "lib/app": ["alice"] };

  test("basic: nothing is answered without a user's password", async (t) => {
    const registry = await start(t, { auth: { scheme: "basic", users } });
    for (const authorization of [undefined, basic("", ""), basic("alice", "wrong"), basic("toString", "x")]) {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const response = await fetch(`${registry.url}/v2/`, { headers });
      assert.equal(response.status, 401, authorization);
      assert.match(response.headers.get("www-authenticate") ?? "", /^Basic realm="/);
      assert.equal(await errorCode(response), "UNAUTHORIZED");
    }
    const response = await fetch(`${registry.url}/v2/`, { headers: { Authorization: basic("alice", "wonderland") } });
    assert.equal(response.status, 200);
  });

  test("bearer: the challenge names realm, service and scope", async (t) => {
    const registry = await start(t, { auth: { scheme: "bearer", users } });
    const response = await fetch(`${registry.url}/v2/lib/app/manifests/v1`);
    assert.equal(response.status, 401);
    assert.equal(
      response.headers.get("www-authenticate"),
      `Bearer realm="${registry.url}/token",service="pullmeter demo registry",scope="repository:lib/app:pull"`,
    );
  });

  test("bearer: a public repository opens for an anonymous token, which has no subject", async (t) => {
    const registry = await start(t, { auth: { scheme: "bearer", users } });
    const token = await tokenOf(registry);
    const payload = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { sub: string };
    assert.equal(payload.sub, "");
    const headers = { Authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${registry.url}/v2/lib/app/manifests/v1`, { headers })).status, 200);
    assert.equal((await fetch(`${registry.url}/v2/`, { headers })).status, 200);
    const other = await fetch(`${registry.url}/v2/lib/other/manifests/v1`, { headers });
    assert.equal(other.status, 401, "the token is for one repository");
  });

  test("bearer: a private repository opens for its user only", async (t) => {
    const registry = await start(t, { auth: { scheme: "bearer", users, privateRepositories } });
    const path = `${registry.url}/v2/lib/app/manifests/v1`;
    const anonymous = await fetch(path, { headers: { Authorization: `Bearer ${await tokenOf(registry)}` } });
    assert.equal(anonymous.status, 401);
    const token = await tokenOf(registry, basic("alice", "wonderland"));
    assert.equal((await fetch(path, { headers: { Authorization: `Bearer ${token}` } })).status, 200);
    const forged = `${token.split(".").slice(0, 2).join(".")}.AAAA`;
    assert.equal((await fetch(path, { headers: { Authorization: `Bearer ${forged}` } })).status, 401);
  });

  test("bearer: wrong credentials get no token", async (t) => {
    const registry = await start(t, { auth: { scheme: "bearer", users } });
    const headers = { Authorization: basic("alice", "wrong") };
    assert.equal((await fetch(`${registry.url}/token?service=x`, { headers })).status, 401);
  });
});

suite("redirects", () => {
  test("a blob is sent to the second origin, which takes no Authorization", async (t) => {
    const storage = await start(t);
    const registry = await start(t, { redirectBlobsTo: storage.url });
    const response = await fetch(registry.url + BLOB_PATH, { redirect: "manual" });
    assert.equal(response.status, 307);
    const location = response.headers.get("location") ?? "";
    assert.equal(location, `${storage.url}/storage/${LAYER.digest}?X-Signature=demo`);
    assert.equal(digestOf(Buffer.from(await (await fetch(location)).arrayBuffer())), LAYER.digest);
    assert.equal((await fetch(location, { headers: { Authorization: "Bearer x" } })).status, 400);
  });
});

/** Reads a response with node:http, which tells a cut from an end. */
function read(url: string): Promise<{ status: number; rawHeaders: string[]; bytes: number; complete: boolean }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.on("error", () => undefined);
      response.on("close", () =>
        resolve({
          status: response.statusCode ?? 0,
          rawHeaders: response.rawHeaders,
          bytes,
          complete: response.complete,
        }),
      );
    }).on("error", reject);
  });
}

suite("faults", () => {
  const request = /^GET \/v2\/lib\/app\/blobs\//;

  test("a fault leaves the first requests alone and stops after its last", async (t) => {
    const registry = await start(t, {
      faults: [{ request, skip: 1, times: 2, action: { kind: "respond", status: 503 } }],
    });
    const statuses: number[] = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await fetch(registry.url + BLOB_PATH)).status);
    assert.deepEqual(statuses, [200, 503, 503, 200]);
    assert.equal((await fetch(`${registry.url}/v2/lib/app/manifests/v1`)).status, 200, "does not match");
  });

  test("a scripted answer keeps the case, order and duplicates of its headers", async (t) => {
    const registry = await start(t, {
      faults: [
        {
          request,
          action: {
            kind: "respond",
            status: 429,
            headers: [
              ["rEtRy-aFtEr", "7"],
              ["X-Two", "a"],
              ["X-Two", "b"],
              ["Content-Length", "4"],
            ],
            body: "slow",
          },
        },
      ],
    });
    const response = await read(registry.url + BLOB_PATH);
    assert.equal(response.status, 429);
    assert.deepEqual(response.rawHeaders.slice(0, 8), [
      "rEtRy-aFtEr",
      "7",
      "X-Two",
      "a",
      "X-Two",
      "b",
      "Content-Length",
      "4",
    ]);
    assert.equal(response.bytes, 4);
  });

  test("a cut delivers exactly its bytes and then closes the connection", async (t) => {
    for (const afterBytes of [0, 1, 100_000]) {
      const registry = await start(t, { faults: [{ request, action: { kind: "cut", afterBytes } }] });
      const response = await read(registry.url + BLOB_PATH);
      assert.deepEqual([response.status, response.bytes, response.complete], [200, afterBytes, false]);
      const recorded = await registry.whenEnded(request);
      assert.deepEqual([recorded.bytes, recorded.complete], [afterBytes, false]);
    }
  });

  test("a drop closes the connection without an answer", async (t) => {
    const registry = await start(t, { faults: [{ request, times: 1, action: { kind: "drop" } }] });
    await assert.rejects(read(registry.url + BLOB_PATH), { code: "ECONNRESET" });
    assert.equal((await registry.whenEnded(request)).status, undefined);
    assert.equal((await read(registry.url + BLOB_PATH)).complete, true);
  });

  test("a stall sends its bytes and holds the connection until the client goes away", async (t) => {
    const registry = await start(t, { faults: [{ request, action: { kind: "stall", afterBytes: 5000 } }] });
    const received = await new Promise<number>((resolve, reject) => {
      let bytes = 0;
      const client = get(registry.url + BLOB_PATH, { agent: false }, (response) => {
        response.on("error", () => resolve(bytes));
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes >= 5000) client.destroy(new Error("enough"));
        });
      });
      client.on("error", (error) => (bytes > 0 ? undefined : reject(error)));
    });
    assert.equal(received, 5000);
    assert.equal((await registry.whenEnded(request)).complete, false);
  });

  test("silence never answers, and a delay answers late", async (t) => {
    const registry = await start(t, {
      faults: [
        { request: /silent/, action: { kind: "silence" } },
        { request, action: { kind: "delay", ms: 30 } },
      ],
    });
    const silent = httpRequest(`${registry.url}/silent`, { agent: false });
    silent.on("error", () => undefined);
    silent.end();
    const before = performance.now();
    assert.equal((await fetch(registry.url + BLOB_PATH)).status, 200);
    assert.ok(performance.now() - before >= 29);
    assert.equal(registry.requests.find((recorded) => recorded.target === "/silent")?.endMs, undefined);
    silent.destroy();
    assert.equal((await registry.whenEnded(/silent/)).complete, false);
  });

  test("a throttled blob takes its time", async (t) => {
    const registry = await start(t, { throttleBytesPerSecond: 3_000_000 });
    const before = performance.now();
    const body = await (await fetch(registry.url + BLOB_PATH)).arrayBuffer();
    assert.equal(digestOf(Buffer.from(body)), LAYER.digest);
    assert.ok(performance.now() - before >= 95, "300 kB at 3 MB/s");
  });
});

suite("the record", () => {
  test("a request is kept with headers, bytes and connection", async (t) => {
    const registry = await start(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (const method of ["HEAD", "GET"]) {
      await new Promise<void>((resolve, reject) => {
        httpRequest(registry.url + BLOB_PATH, { agent, method, headers: { "X-Case": method } }, (response) => {
          response.resume().on("end", resolve);
        })
          .on("error", reject)
          .end();
      });
    }
    const [head, whole] = registry.requests;
    assert.deepEqual([head?.method, head?.bytes, head?.status], ["HEAD", 0, 200]);
    assert.deepEqual([whole?.method, whole?.bytes, whole?.status], ["GET", LAYER.bytes.length, 200]);
    assert.equal(head?.connection, whole?.connection);
    assert.ok(whole?.rawHeaders.includes("X-Case"));
    await fetch(`${registry.url}/v2/`);
    assert.notEqual(registry.requests[2]?.connection, whole?.connection);
  });
});

test("only the last requests are kept", async (t) => {
  const recorder = new Recorder(2);
  const server = createServer((request, response) => {
    recorder.record(request, response);
    response.end();
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const path of ["/1", "/2", "/3"]) await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  assert.deepEqual(
    recorder.requests.map(({ target }) => target),
    ["/2", "/3"],
  );
});

suite("sample images", () => {
  test("every descriptor names content that is there, with its size", () => {
    for (const image of sampleImages()) {
      for (const manifest of image.manifests) {
        const parsed = parseManifest(manifest.bytes.toString());
        const named = parsed?.kind === "index" ? parsed.manifests : [parsed!.config, ...parsed!.layers];
        for (const descriptor of named) {
          const content = [...image.manifests, ...image.blobs].find(({ digest }) => digest === descriptor.digest);
          assert.equal(content?.bytes.length, descriptor.size, `${image.repository} ${descriptor.digest}`);
          assert.equal(content?.mediaType, descriptor.mediaType);
          assert.equal(digestOf(content.bytes), content.digest);
        }
      }
    }
  });

  test("the config of an image lists the digests of its uncompressed layers", () => {
    const image = sampleImages()[0] as SampleImage;
    const [imageConfig, ...layers] = image.blobs;
    const { rootfs } = JSON.parse(imageConfig!.bytes.toString()) as { rootfs: { diff_ids: string[] } };
    assert.deepEqual(
      rootfs.diff_ids,
      layers.map((layer) => digestOf(gunzipSync(layer.bytes))),
    );
  });

  test("they are the same each time", () => {
    const [first, second] = [sampleImages(), sampleImages()].map((images) => images.map((image) => image.root.digest));
    assert.deepEqual(first, second);
  });
});
