import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { resolveTarget, throughProxy } from "../../../src/proxy/resolve-registry.ts";

const MANIFEST = "/v2/app/manifests/latest";

const TARGETS: readonly (readonly [url: string, registry: string, naming: string | undefined, path: string])[] = [
  [`${MANIFEST}?ns=docker.io`, "docker.io", "query", MANIFEST],
  [`${MANIFEST}?a=b&ns=docker.io&c`, "docker.io", "query", `${MANIFEST}?a=b&c`],
  [`${MANIFEST}?ns=docker.io&`, "docker.io", "query", `${MANIFEST}?`],
  [`${MANIFEST}?ns=LOCALHOST%3A5000`, "localhost:5000", "query", MANIFEST],
  [`${MANIFEST}?ns=[::1]:5000`, "[::1]:5000", "query", MANIFEST],
  [`${MANIFEST}?nsx=docker.io`, "", undefined, `${MANIFEST}?nsx=docker.io`],
  [`${MANIFEST}?n%73=docker.io`, "", undefined, `${MANIFEST}?n%73=docker.io`],
  ["/v2/docker.io/library/app/manifests/latest?x", "docker.io", "path", "/v2/library/app/manifests/latest?x"],
  ["/v2/localhost/app/manifests/latest", "localhost", "path", MANIFEST],
  ["/v2/host%3A5000/app/manifests/latest", "host:5000", "path", MANIFEST],
  ["/v2/docker.io/", "docker.io", "path", "/v2/"],
  ["/v2/library/app/manifests/latest", "", undefined, "/v2/library/app/manifests/latest"],
  ["/v2/", "", undefined, "/v2/"],
  ["/v2/_catalog", "", undefined, "/v2/_catalog"],
];

for (const [url, registry, naming, path] of TARGETS) {
  test(`${url} names ${registry || "no registry"} and asks for ${path}`, () => {
    const target = resolveTarget(url, [], undefined);
    assert.deepEqual([target.registry, target.naming, target.path], [registry, naming, path]);
    assert.equal(target.malformed, false);
  });
}

test("query goes before header, header before listener, listener before path", () => {
  const header = ["OCI-Namespace", "b.test"];
  assert.equal(resolveTarget(`${MANIFEST}?ns=a.test`, header, "c.test").registry, "a.test");
  assert.equal(resolveTarget(MANIFEST, header, "c.test").registry, "b.test");
  const prefixed = resolveTarget("/v2/d.test/app/manifests/latest", [], "c.test");
  assert.deepEqual([prefixed.registry, prefixed.path], ["c.test", "/v2/d.test/app/manifests/latest"]);
});

test("a name that is no host is malformed, and empty", () => {
  for (const name of [
    "",
    "a b",
    "a/b",
    "user@a.test",
    "a.test:0",
    "a.test:65536",
    "%00",
    "a..b",
    "\u00e9.test",
    "-a",
    "[::1",
  ]) {
    const target = resolveTarget(`${MANIFEST}?ns=${encodeURIComponent(name)}`, [], undefined);
    assert.deepEqual([target.registry, target.malformed], ["", true], name);
  }
});

test("taking ns off leaves every other parameter byte for byte", () => {
  const parameter = fc
    .string({ unit: fc.constantFrom("a", "b", "n", "s", "=", "%", "+", ";", "?", " ", "#", "'", "\u00ff") })
    .filter((text) => !text.startsWith("ns="));
  fc.assert(
    fc.property(fc.array(parameter), fc.nat(), (parameters, at) => {
      const without = parameters.join("&");
      const index = at % (parameters.length + 1);
      const named = [...parameters.slice(0, index), "ns=a.test", ...parameters.slice(index)].join("&");
      const { path, registry } = resolveTarget(`${MANIFEST}?${named}`, [], undefined);
      assert.equal(registry, "a.test");
      assert.equal(path, parameters.length === 0 ? MANIFEST : `${MANIFEST}?${without}`);
    }),
  );
});

test("a Location leads back through the proxy only if it is the registry's own", () => {
  const origin = new URL("https://registry.test:5000");
  const through = (location: string): string => throughProxy(location, origin, { naming: "listener", registry: "r" });
  assert.equal(through("https://registry.test:5000/v2/a?b"), "/v2/a?b");
  assert.equal(through("/v2/a?b"), "/v2/a?b");
  for (const location of [
    "https://registry.test/v2/a",
    "https://registry.test:50001/v2/a",
    "//evil.test/",
    "https://evil.test/",
    "relative",
  ]) {
    assert.equal(through(location), location);
  }
});
