import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHead, goodAnswer } from "../../../../bench/faults/answer.ts";
import { findResource, makeImage, REPOSITORY, type Resource } from "../../../../bench/faults/image.ts";
import { parseHead, type RequestHead } from "../../../../bench/faults/request-heads.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const RESOURCE: Resource = { phase: "layer", mediaType: "x/y", digest: DIGEST, bytes: Buffer.from("0123456789") };

function get(...lines: string[]): RequestHead {
  return parseHead(["GET /v2/ HTTP/1.1", ...lines].join("\r\n"));
}

test("a request's head is read with its names in lower case", () => {
  const { method, path, headers } = parseHead('HEAD /v2/a?b=c HTTP/1.1\r\nHost: x\r\nIf-Range: "e:1"');
  assert.deepEqual([method, path, headers.get("if-range")], ["HEAD", "/v2/a?b=c", '"e:1"']);
});

test("ranges are answered as a registry does: 206 with their place, 416 behind the end, 200 if the content changed", () => {
  const part = goodAnswer(get("Range: bytes=4-"), RESOURCE);
  assert.deepEqual([part.status, part.body.toString()], [206, "456789"]);
  assert.match(formatHead(part), /\r\nContent-Range: bytes 4-9\/10\r\nContent-Length: 6\r\n\r\n$/);
  assert.equal(goodAnswer(get("Range: bytes=2-3"), RESOURCE).body.toString(), "23");
  assert.equal(goodAnswer(get("Range: bytes=10-"), RESOURCE).status, 416);
  assert.equal(goodAnswer(get("Range: bytes=4-", `If-Range: "${DIGEST}"`), RESOURCE).status, 206);
  assert.equal(goodAnswer(get("Range: bytes=4-", 'If-Range: "other"'), RESOURCE).status, 200);
});

test("an image is found by what is asked of it, and the same seed makes the same one", () => {
  const image = makeImage("seed");
  const [hit, other] = image.layers;
  const phaseOf = (method: string, path: string): string | undefined =>
    findResource(image, { method, path: `/v2/${path}`, headers: new Map() })?.phase;
  assert.equal(phaseOf("GET", ""), "ping");
  assert.equal(phaseOf("HEAD", `${REPOSITORY}/manifests/v1`), "resolve");
  assert.equal(phaseOf("GET", `${REPOSITORY}/manifests/${image.manifest.digest}`), "manifest");
  assert.equal(phaseOf("GET", `${REPOSITORY}/blobs/${image.config.digest}`), "config");
  assert.equal(phaseOf("GET", `${REPOSITORY}/blobs/${hit!.digest}?signature=1`), "layer");
  assert.equal(phaseOf("GET", `${REPOSITORY}/blobs/${other!.digest}`), undefined);
  assert.equal(makeImage("seed").manifest.digest, image.manifest.digest);
  assert.notEqual(makeImage("other").manifest.digest, image.manifest.digest);
});
