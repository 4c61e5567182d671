import assert from "node:assert/strict";
import { test } from "node:test";
import { repositoryIn, takeRegistry, withService } from "../../../src/proxy/token-question.ts";

test("the registry is taken off every scope, and the rest of the form stays byte for byte", () => {
  const form =
    "account=a%20b&scope=repository%3Aone.test%2Flibrary%2Fapp%3Apull&service=p+q&x=%7e&scope=repository:ONE.test/base:pull";
  assert.deepEqual(takeRegistry(form), {
    registry: "one.test",
    form: "account=a%20b&scope=repository%3Alibrary%2Fapp%3Apull&service=p+q&x=%7e&scope=repository%3Abase%3Apull",
  });
});

test("several scopes may stand in one parameter, as in a form", () => {
  const named = takeRegistry("scope=repository:one.test/a:pull+repository:one.test/b:pull,push&grant_type=password");
  assert.deepEqual(named, {
    registry: "one.test",
    form: "scope=repository%3Aa%3Apull%20repository%3Ab%3Apull%2Cpush&grant_type=password",
  });
});

for (const form of [
  "",
  "service=pullmeter",
  "scope=",
  "scope=registry:catalog:*",
  "scope=repository:app:pull",
  "scope=repository:one.test/a:pull&scope=repository:two.test/b:pull",
  "scope=repository:one.test/a:pull+registry:catalog:*",
  "scope=%ff",
]) {
  test(`"${form}" names no registry`, () => assert.equal(takeRegistry(form), undefined));
}

test("the registry's own service replaces the one that the client was told", () => {
  assert.equal(withService("service=pullmeter&scope=s", "a b&c"), "scope=s&service=a%20b%26c");
  assert.equal(withService("scope=s&service=pullmeter", undefined), "scope=s");
});

test("the repository is that of the first scope", () => {
  assert.equal(repositoryIn("x=y&scope=repository%3Alibrary%2Fapp%3Apull+repository:b:pull"), "library/app");
  assert.equal(repositoryIn("scope=registry:catalog:*"), undefined);
  assert.equal(repositoryIn(""), undefined);
});
