import assert from "node:assert/strict";
import { test } from "node:test";
import { createFindRegistry } from "../../../src/config/find-registry.ts";
import { loadConfig } from "../../../src/config/load.ts";

function finder(
  flags: Readonly<Record<string, readonly string[]>>,
  environment: Readonly<Record<string, string>> = {},
) {
  return createFindRegistry(loadConfig({ flags: new Map(Object.entries(flags)), environment }).config);
}

test("docker.io is reached at registry-1.docker.io, every other registry at its own name", () => {
  const find = finder({});
  assert.equal(find("docker.io")?.origin.href, "https://registry-1.docker.io/");
  assert.equal(find("ghcr.io")?.origin.href, "https://ghcr.io/");
});

test("what is neither configured nor built in is not to be reached", () => {
  const find = finder({});
  for (const registry of [
    "registry.example.com",
    "localhost:5000",
    "169.254.169.254",
    "ghcr.io:8080",
    "constructor",
    "__proto__",
  ]) {
    assert.equal(find(registry), undefined, registry);
  }
});

test("a registry is allowed by a listener, by its own settings, or by a pattern", () => {
  const find = finder({
    "--listener": ["127.0.0.1:0=by-listener.example.com"],
    "--registry": ["by-settings.example.com:5000"],
    "--allow-registry": ["*.by-pattern.example.com"],
  });
  assert.equal(find("by-listener.example.com")?.origin.href, "https://by-listener.example.com/");
  assert.equal(find("by-settings.example.com:5000")?.origin.href, "https://by-settings.example.com:5000/");
  assert.equal(find("a.by-pattern.example.com")?.origin.href, "https://a.by-pattern.example.com/");
  assert.equal(find("by-pattern.example.com"), undefined);
});

test("the built-in list can be turned off, and docker.io allowed by itself still is Docker Hub", () => {
  const find = finder({ "--well-known-registries": ["false"], "--listener": ["127.0.0.1:0=docker.io"] });
  assert.equal(find("ghcr.io"), undefined);
  assert.equal(find("docker.io")?.origin.href, "https://registry-1.docker.io/");
});

test("private addresses are for registries whose upstream was written down", () => {
  const find = finder({
    "--registry": ["a.example.com=http://10.0.0.1:5000", "b.example.com"],
    "--allow-registry": ["*"],
  });
  assert.equal(find("a.example.com")?.allowPrivateAddresses, true);
  assert.equal(find("b.example.com")?.allowPrivateAddresses, false);
  assert.equal(find("c.example.com")?.allowPrivateAddresses, false);
});

test("the proxy of the environment is for every registry that NO_PROXY leaves", () => {
  const find = finder({}, { HTTPS_PROXY: "http://user:secret@proxy:3128", NO_PROXY: "ghcr.io" });
  assert.equal(find("quay.io")?.proxy?.host, "proxy:3128");
  assert.equal(find("ghcr.io")?.proxy, undefined);
});

test("the same registry is found as the same object, so that connections can be kept by it", () => {
  const find = finder({});
  assert.equal(find("ghcr.io"), find("ghcr.io"));
});
