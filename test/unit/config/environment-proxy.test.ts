import assert from "node:assert/strict";
import { test } from "node:test";
import { createEnvironmentProxy, parseProxyVariable } from "../../../src/config/environment-proxy.ts";

const httpsProxy = new URL("http://secure-proxy:3128");
const httpProxy = new URL("http://plain-proxy:3128");

test("HTTPS_PROXY is for https upstreams and HTTP_PROXY for http upstreams", () => {
  const proxyOf = createEnvironmentProxy({ httpsProxy, httpProxy, noProxy: "" });
  assert.equal(proxyOf(new URL("https://ghcr.io")), httpsProxy);
  assert.equal(proxyOf(new URL("http://registry.example.com:5000")), httpProxy);
});

test("without HTTP_PROXY an http upstream is reached directly, whatever HTTPS_PROXY says", () => {
  const proxyOf = createEnvironmentProxy({ httpsProxy, noProxy: "" });
  assert.equal(proxyOf(new URL("http://registry.example.com")), undefined);
});

for (const host of ["localhost:5000", "127.0.0.1:5000", "127.8.9.1", "[::1]:5000"]) {
  test(`${host} is this machine and needs no proxy`, () => {
    const proxyOf = createEnvironmentProxy({ httpsProxy, httpProxy, noProxy: "" });
    assert.equal(proxyOf(new URL(`http://${host}`)), undefined);
  });
}

const exceptions: readonly [noProxy: string, origin: string, direct: boolean][] = [
  ["*", "https://ghcr.io", true],
  ["ghcr.io", "https://ghcr.io", true],
  ["GHCR.io", "https://ghcr.io", true],
  ["ghcr.io", "https://eu.ghcr.io", true],
  ["ghcr.io", "https://notghcr.io", false],
  [".example.com", "https://a.example.com", true],
  [".example.com", "https://example.com", false],
  ["*.example.com", "https://a.example.com", true],
  ["*.example.com", "https://example.com", false],
  ["a.com, ghcr.io ,", "https://ghcr.io", true],
  ["ghcr.io:443", "https://ghcr.io", true],
  ["ghcr.io:8443", "https://ghcr.io", false],
  ["ghcr.io:8443", "https://ghcr.io:8443", true],
  ["10.0.0.0/8", "http://10.1.2.3:5000", true],
  ["10.0.0.0/8", "http://11.1.2.3:5000", false],
  ["10.1.2.3", "http://10.1.2.3:5000", true],
  ["10.0.0.0/8", "https://ghcr.io", false],
  ["fd00::/8", "https://[fd00::1]:5000", true],
  ["10.0.0.0/99", "http://10.1.2.3", false],
];

for (const [noProxy, origin, direct] of exceptions) {
  test(`with NO_PROXY=${noProxy}, ${origin} is reached ${direct ? "directly" : "through the proxy"}`, () => {
    const proxyOf = createEnvironmentProxy({ httpsProxy, httpProxy, noProxy });
    assert.equal(proxyOf(new URL(origin)) === undefined, direct);
  });
}

test("the scheme of a proxy may be left out, and other schemes than http are refused", () => {
  assert.equal(parseProxyVariable("proxy:3128")?.href, "http://proxy:3128/");
  assert.equal(parseProxyVariable("http://user:secret@proxy:3128/")?.username, "user");
  assert.equal(parseProxyVariable("socks5://proxy:1080"), undefined);
  assert.equal(parseProxyVariable("http://proxy/path"), undefined);
});
