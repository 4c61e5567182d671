import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { ManifestCopy, readManifest } from "../../../src/proxy/manifest-body.ts";

const CONFIG = `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:${"c".repeat(64)}","size":2}`;

function manifest(variant: number): Buffer {
  return Buffer.from(`{"schemaVersion":2,"config":${CONFIG},"layers":[],"annotations":{"variant":"${variant}"}}`);
}

function digestOf(body: Buffer): string {
  return `sha256:${hash("sha256", body)}`;
}

test("a manifest's digest is that of its bytes, whatever the registry claims and whatever was read before", () => {
  // More than are remembered.
  const variant = fc.nat(99);
  fc.assert(
    fc.property(fc.array(fc.record({ variant, claimed: variant, isCoded: fc.boolean() })), (asked) => {
      for (const each of asked) {
        const body = manifest(each.variant);
        const coded = each.isCoded ? gzipSync(body) : body;
        const read = readManifest(coded, digestOf(manifest(each.claimed)), each.isCoded ? "gzip" : undefined);
        assert.equal(read?.digest, digestOf(body));
        assert.equal(read?.content?.kind, "manifest");
      }
    }),
  );
});

test("what is remembered of a manifest does not change with the memory that it came in", () => {
  const body = manifest(1);
  const digest = digestOf(body);
  readManifest(body, digest);
  body.write("X", body.indexOf("variant"));
  assert.notEqual(readManifest(body, digest)?.digest, digest);
  assert.equal(readManifest(manifest(1), digest)?.digest, digest);
});

test("a manifest is read once, also where the registry claims nothing", () => {
  const read = readManifest(manifest(1), "");
  assert.ok(read !== undefined);
  assert.equal(readManifest(manifest(1), ""), read);
  assert.equal(readManifest(manifest(1), digestOf(manifest(1))), read);
});

test("a manifest that came in pieces is put together, and one that is too large is not", () => {
  const copy = new ManifestCopy();
  for (const byte of manifest(1)) copy.add(Buffer.of(byte));
  assert.deepEqual(copy.whole, manifest(1));
  copy.add(Buffer.alloc(4 * 1024 * 1024));
  assert.equal(copy.whole, undefined);
});
