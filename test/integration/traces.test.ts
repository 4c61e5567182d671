import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../src/demo/images.ts";
import { buildLayer } from "../../src/demo/layer.ts";
import { pull } from "../../src/demo/puller.ts";
import { startDemoRegistry } from "../../src/demo/registry.ts";
import { startCommand } from "../support/run-command.ts";

const IMAGE = buildImage({ repository: "demo/app", tag: "v1", layers: [buildLayer("layer", 10_000)] });

interface Received {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: ExportRequest;
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly name: string; readonly traceId: string; readonly parentSpanId?: string }[];
    }[];
  }[];
}

/** A receiver of OTLP/HTTP that keeps what it is sent; silent: it never answers. */
async function startCollector(t: TestContext, { silent = false } = {}) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      received.push({ url: request.url ?? "", headers: request.headers, body: JSON.parse(body) as ExportRequest });
      if (!silent) response.writeHead(200, { "content-type": "application/json" }).end("{}");
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces?x=1` };
}

async function serve(t: TestContext, flags: readonly string[]) {
  const registry = await startDemoRegistry({ images: [IMAGE] });
  t.after(() => registry.close());
  const command = startCommand([
    "serve",
    "--listener=127.0.0.1:0=registry.test",
    `--registry=registry.test=${registry.url}`,
    "--admin-address=127.0.0.1:0",
    ...flags,
  ]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  await command.line("serving");
  return { command, registry, origin: `http://${String(address)}` };
}

test("the pulls of a process are at the collector when it has stopped", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-traces-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "headers"), "# for the collector\nX-Api-Key: canary-key\n");
  const collector = await startCollector(t);
  const flags = [`--traces-endpoint=${collector.url}`, `--traces-headers-file=${join(folder, "headers")}`];
  const { command, registry, origin } = await serve(t, flags);
  await pull({ origin, repository: "demo/app", reference: "v1", store: new Set() });

  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await fetch(`${origin}/v2/demo/app/manifests/v1`, { headers: { traceparent, "user-agent": "containerd/2.1.9" } });
  const passedOn = registry.requests.map(({ headers }) => headers["traceparent"]);
  assert.deepEqual(
    passedOn.filter((value) => value !== undefined),
    [traceparent],
  );

  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  const spans = collector.received.flatMap(({ body }) =>
    body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  assert.deepEqual(spans.map(({ name }) => name).toSorted(), [
    "fetch config",
    "fetch layer",
    "fetch manifest",
    "fetch manifest",
    "image pull",
    "image pull",
  ]);
  const joined = spans.find((span) => span.name === "image pull" && span.traceId === traceId);
  assert.equal(joined?.parentSpanId, "b7ad6b7169203331");
  for (const { url, headers, body } of collector.received) {
    assert.deepEqual(
      [url, headers["x-api-key"], headers["content-type"]],
      ["/v1/traces?x=1", "canary-key", "application/json"],
    );
    assert.ok(body.resourceSpans[0]?.resource.attributes.some(({ key }) => key === "service.name"));
  }
  assert.ok(!JSON.stringify(command.lines).includes("canary"), "no header is logged");
});

test("a collector that never answers does not keep the process from stopping", async (t) => {
  const collector = await startCollector(t, { silent: true });
  const { command, origin } = await serve(t, [`--traces-endpoint=${collector.url}`]);
  await pull({ origin, repository: "demo/app", reference: "v1", store: new Set() });
  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  assert.equal(collector.received.length, 1);
});
