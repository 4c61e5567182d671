import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { test } from "node:test";
import { checkHost, guardLookup } from "../../../src/upstream/guard.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

type Answer = string | LookupAddress[];

function resolveTo(answer: Answer): LookupFunction {
  return (_hostname, _options, callback) => callback(null, answer, 4);
}

function look(lookup: LookupFunction, all = true): Promise<Answer> {
  return new Promise((resolve, reject) => {
    lookup("registry.test", { all }, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

const four = (address: string): LookupAddress => ({ address, family: 4 });
const six = (address: string): LookupAddress => ({ address, family: 6 });

test("a name that resolves to public addresses keeps them", async () => {
  const answer = [four("8.8.8.8"), six("2606:4700::1111")];
  assert.deepEqual(await look(guardLookup(resolveTo(answer), false)), answer);
  assert.equal(await look(guardLookup(resolveTo(answer), false), false), "8.8.8.8");
});

test("addresses that are not public are taken away", async () => {
  const answer = [four("127.0.0.1"), six("::1"), four("8.8.8.8"), four("169.254.169.254")];
  assert.deepEqual(await look(guardLookup(resolveTo(answer), false)), [four("8.8.8.8")]);
  assert.equal(await look(guardLookup(resolveTo(answer), false), false), "8.8.8.8");
});

for (const answer of [[four("127.0.0.1")], [six("::ffff:10.0.0.1"), four("10.0.0.1")], "192.168.0.1", []]) {
  test(`a name that resolves to ${JSON.stringify(answer)} is refused, with the setting to change`, async () => {
    await assert.rejects(look(guardLookup(resolveTo(answer), false)), (error) => {
      assert.ok(error instanceof UpstreamError);
      assert.equal(error.failure, "refused");
      assert.match(error.message, /^registry\.test .*allowPrivateAddresses/);
      assert.doesNotMatch(error.message, /\d+\.\d+/, "the address is nobody's business");
      return true;
    });
  });
}

test("a registry that may be private keeps every address", async () => {
  const answer = [four("127.0.0.1"), six("::1")];
  assert.deepEqual(await look(guardLookup(resolveTo(answer), true)), answer);
});

test("a name that cannot be resolved is no refusal", async () => {
  const guarded = guardLookup((_hostname, _options, callback) => callback(new Error("ENOTFOUND"), ""), false);
  await assert.rejects(look(guarded), { failure: "dns" });
});

test("the second answer of a rebinding name is judged like the first", async () => {
  const answers = [[four("8.8.8.8")], [four("127.0.0.1")]];
  const guarded = guardLookup((_hostname, _options, callback) => callback(null, answers.shift() ?? []), false);
  assert.deepEqual(await look(guarded), [four("8.8.8.8")]);
  await assert.rejects(look(guarded), { failure: "refused" });
});

test("literal addresses and local names are refused without a look-up", () => {
  const refused = [
    "127.0.0.1",
    "[::1]",
    "[::ffff:7f00:1]",
    "10.0.0.1",
    "169.254.169.254",
    "localhost",
    "a.LOCALHOST",
    "localhost.",
  ];
  assert.deepEqual(
    refused.filter((host) => checkHost(host, false)?.failure !== "refused"),
    [],
  );
  assert.deepEqual(
    refused.filter((host) => checkHost(host, true) !== undefined),
    [],
  );
  const allowed = ["8.8.8.8", "[2606:4700::1111]", "registry.test", "notlocalhost", "localhost.test"];
  assert.deepEqual(
    allowed.filter((host) => checkHost(host, false) !== undefined),
    [],
  );
});
