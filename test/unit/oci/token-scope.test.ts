import assert from "node:assert/strict";
import { test } from "node:test";
import { prefixScopes, splitScope } from "../../../src/oci/token-scope.ts";

for (const [scope, registry, rest] of [
  ["repository:one.test/app:pull", "one.test", "repository:app:pull"],
  ["repository:localhost:5000/library/app:pull,push", "localhost:5000", "repository:library/app:pull,push"],
  ["repository(plugin):one.test/app:*", "one.test", "repository(plugin):app:*"],
] as const) {
  test(`the registry in ${scope} is taken off and put back`, () => {
    assert.deepEqual(splitScope(scope), { registry, scope: rest });
    assert.equal(prefixScopes(rest, registry), scope);
  });
}

for (const scope of [
  "repository:app:pull",
  "repository:/app:pull",
  "repository:a.test/:pull",
  "registry:catalog:*",
  "",
]) {
  test(`"${scope}" names no registry`, () => assert.equal(splitScope(scope), undefined));
}

test("of several scopes each repository gets the registry, and nothing else changes", () => {
  const scopes = "repository:app:pull registry:catalog:* repository:base:pull";
  assert.equal(
    prefixScopes(scopes, "one.test"),
    "repository:one.test/app:pull registry:catalog:* repository:one.test/base:pull",
  );
});
