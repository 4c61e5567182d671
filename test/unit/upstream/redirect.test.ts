import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameOrigin, nextHop, redirectLocation, type Hop } from "../../../src/upstream/redirect.ts";

const FROM: Hop = { origin: new URL("https://registry.test"), path: "/v2/app/blobs/x?a=1" };

const FOLLOWED: readonly (readonly [location: string, origin: string, path: string])[] = [
  ["https://cdn.test/x", "https://cdn.test", "/x"],
  ["https://cdn.test", "https://cdn.test", "/"],
  ["https://cdn.test?a=b", "https://cdn.test", "/?a=b"],
  ["https://cdn.test:8443/x#f", "https://cdn.test:8443", "/x"],
  ["HTTPS://CDN.test/X", "https://cdn.test", "/X"],
  ["//cdn.test/x", "https://cdn.test", "/x"],
  ["https://user:secret@cdn.test/x", "https://cdn.test", "/x"],
  ["  https://cdn.test/x\t", "https://cdn.test", "/x"],
  ["https://cdn.test/a/../b/%2e%2e/c?x='|\"%41+%2B", "https://cdn.test", "/a/../b/%2e%2e/c?x='|\"%41+%2B"],
  ["/elsewhere?b=2#f", "https://registry.test", "/elsewhere?b=2"],
  ["y?c=3", "https://registry.test", "/v2/app/blobs/y?c=3"],
  ["?c=3", "https://registry.test", "/v2/app/blobs/x?c=3"],
  ["../y", "https://registry.test", "/v2/app/y"],
  ["https://[2606:4700::1111]:5000/x", "https://[2606:4700::1111]:5000", "/x"],
];

for (const [location, origin, path] of FOLLOWED) {
  test(`${location} leads to ${origin} and ${path}`, () => {
    const hop = nextHop(FROM, location);
    assert.deepEqual([hop.origin.origin, hop.path], [origin, path]);
    assert.equal(hop.origin.username + hop.origin.password, "");
  });
}

for (const location of ["http://cdn.test/x", "HTTP://registry.test/"]) {
  test(`${location} is refused from https`, () => {
    assert.throws(() => nextHop(FROM, location), { failure: "refused" });
    const plain = { ...FROM, origin: new URL("http://registry.test") };
    assert.equal(nextHop(plain, location).origin.protocol, "http:");
  });
}

for (const location of [
  "ftp://cdn.test/x",
  "javascript:1",
  "data:,x",
  "https:/registry.test/x",
  "https:registry.test/x",
  "https://cdn.test: /x",
  "https://cdn\t.test/x",
  "/\t/cdn.test/x",
  "https://cdn.test@evil.test@cdn.test/",
  "https://",
  "https://cdn.test:99999/",
  "https://a b/",
]) {
  test(`${location} cannot be followed`, () => {
    assert.throws(() => nextHop(FROM, location), { failure: "proxy" });
  });
}

test("a backslash ends the host, as in every URL parser of the web", () => {
  for (const [location, host] of [
    ["https://evil.test\\@cdn.test/", "evil.test"],
    ["https://evil.test\\.cdn.test/", "evil.test"],
  ]) {
    assert.equal(nextHop(FROM, location ?? "").origin.hostname, host);
    assert.equal(new URL(location ?? "").hostname, host);
  }
});

test("only the redirecting statuses with a Location are redirects", () => {
  const headers = ["content-type", "x", "LOCATION", "/y"];
  for (const status of [301, 302, 303, 307, 308]) assert.equal(redirectLocation(status, headers), "/y");
  for (const status of [200, 201, 300, 304, 305, 401]) assert.equal(redirectLocation(status, headers), undefined);
  assert.equal(redirectLocation(307, ["X", "Location"]), undefined);
});

test("an origin is scheme, host and port", () => {
  assert.ok(isSameOrigin(at("https://a.test"), at("https://A.test:443")));
  for (const other of ["http://a.test", "https://a.test:8443", "https://b.a.test"]) {
    assert.ok(!isSameOrigin(at("https://a.test"), at(other)));
  }
});

function at(origin: string): Hop {
  return { origin: new URL(origin), path: "/" };
}
