import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenge } from "../../../src/oci/challenge.ts";

const cases = [
  {
    name: "bearer with realm, service and scope",
    value: 'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
    scheme: "bearer",
    parameters: {
      realm: "https://auth.example/token",
      service: "registry.example",
      scope: "repository:a/b:pull,push",
    },
  },
  { name: "basic", value: 'Basic realm="a registry"', scheme: "basic", parameters: { realm: "a registry" } },
  { name: "no parameters", value: "Negotiate", scheme: "negotiate", parameters: {} },
  {
    name: "spaces, capitals, tokens without quotes, escaped quotes",
    value: 'BEARER  Realm = "say \\"hi\\"" , Service=plain',
    scheme: "bearer",
    parameters: { realm: 'say "hi"', service: "plain" },
  },
];
for (const { name, value, scheme, parameters } of cases) {
  test(`a challenge is read: ${name}`, () => {
    const challenge = parseChallenge(value);
    assert.equal(challenge?.scheme, scheme);
    assert.deepEqual(Object.fromEntries(challenge?.parameters ?? []), parameters);
  });
}

test("what has no scheme is no challenge", () => {
  for (const value of ["", "   ", '"quoted"', "=x"]) assert.equal(parseChallenge(value), undefined, value);
});
