import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { redactText, redactValue } from "../../../src/log/redact.ts";

const CANARY = "c4n4ry-S3CRET";
const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl";

const CASES: ReadonlyArray<readonly [name: string, text: string, redacted: string]> = [
  ["user and password of a URL", `GET https://bob:${CANARY}@ghcr.io/v2/`, "GET https://[REDACTED]@ghcr.io/v2/"],
  ["a user-info with an at sign", `https://b@b:${CANARY}@ghcr.io/v2/`, "https://[REDACTED]@ghcr.io/v2/"],
  ["a user alone", `https://${CANARY}@ghcr.io/`, "https://[REDACTED]@ghcr.io/"],
  [
    "user-info before a bare host",
    `registry bob:${CANARY}@ghcr.io:443 refused`,
    "registry [REDACTED]@ghcr.io:443 refused",
  ],
  ["user-info with a slash", `bob:x/${CANARY}@ghcr.io`, "[REDACTED]@ghcr.io"],
  ["user-info before an address", `bob:${CANARY}@[::1]:5000`, "[REDACTED]@[::1]:5000"],
  [
    "values of a signed URL",
    `https://b.s3.amazonaws.com/x?X-Amz-Signature=${CANARY}&X-Amz-Credential=${CANARY}%2Fs3&ns=ghcr.io done`,
    "https://b.s3.amazonaws.com/x?X-Amz-Signature=[REDACTED]&X-Amz-Credential=[REDACTED]&ns=ghcr.io done",
  ],
  ["a parameter nobody heard of", `/v2/?zzz=${CANARY}`, "/v2/?zzz=[REDACTED]"],
  ["an Authorization header", `authorization: Basic ${CANARY}`, "authorization: [REDACTED]"],
  ["a header in JSON", `{"Authorization":"Bearer ${CANARY}"}`, `{"Authorization":[REDACTED]`],
  ["a cookie", `Set-Cookie: session=${CANARY}; Path=/`, "Set-Cookie: [REDACTED]"],
  [
    "a bearer token in a sentence",
    `upstream saw bearer ${CANARY}, then left`,
    "upstream saw bearer [REDACTED], then left",
  ],
  ["a token without a scheme", `got ${JWT}.`, "got [REDACTED]."],
  ["a password in a form", `password=${CANARY}`, "password=[REDACTED]"],
  ["a token in JSON", `{"access_token":"${CANARY}","n":1}`, `{"access_token":"[REDACTED]","n":1}`],
  ["a personal token", "ghp_abcDEF123", "[REDACTED]"],
  ["a reference by digest", "ghcr.io/org/app:v1@sha256:abc", "ghcr.io/org/app:v1@sha256:abc"],
  [
    "a public challenge",
    'Bearer realm="https://auth.docker.io/token",service="s"',
    'Bearer realm="https://auth.docker.io/token",service="s"',
  ],
  ["public parameters", "/token?service=s&scope=repository:a:pull", "/token?service=s&scope=repository:a:pull"],
  ["plain words", "connect ECONNREFUSED 127.0.0.1:443", "connect ECONNREFUSED 127.0.0.1:443"],
];

for (const [name, text, redacted] of CASES) {
  test(`${name}: ${redacted.length === text.length && text === redacted ? "stays" : "is redacted"}`, () => {
    assert.equal(redactText(text), redacted);
    assert.equal(redactText(redacted), redacted);
  });
}

test("a secret does not survive in any of its usual places", () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/_-]{12,40}$/);
  const place = fc.constantFrom<(secret: string) => string>(
    (value) => `https://user:${value}@registry.example.com/v2/`,
    (value) => `user:${value}@registry.example.com`,
    (value) => `https://cdn.example.com/blob?sig=${value}`,
    (value) => `https://cdn.example.com/blob?a=1&Policy=${value}#x`,
    (value) => `Authorization: Basic ${value}`,
    (value) => `Bearer ${value}`,
    (value) => `{"refresh_token": "${value}"}`,
  );
  const noise = fc.string({ maxLength: 20 }).map((text) => `${text.replaceAll(/["']/g, "")} `);
  fc.assert(
    fc.property(secret, place, noise, (value, write, before) => {
      assert.ok(!redactText(before + write(value)).includes(value));
    }),
  );
});

test("the longest hostile texts are redacted in no time", () => {
  const hostile = ["://", "a@", "&a=", "eyJ", "-eyJ", "eyJa.", "Basic ", "token ", "a", ":", "/@", "password"].map(
    (text) => text.repeat(100_000),
  );
  const start = performance.now();
  for (const text of hostile) redactText(text);
  assert.ok(performance.now() - start < 1000);
});

test("a secret at the place where a long text is cut is redacted", () => {
  for (let before = 4050; before < 4100; before++) {
    assert.ok(!redactText(`${"x ".repeat(before / 2)}https://bob:${CANARY}@ghcr.io/`).includes("c4n4"));
  }
});

test("what a client sends is not repeated at any length", () => {
  assert.ok(redactText("x".repeat(1_000_000)).length < 5000);
});

test("texts are redacted at any depth of a value, and named secrets whatever they look like", () => {
  const error = Object.assign(
    new Error(`cannot reach https://a:${CANARY}@x.com/`, { cause: new Error(`Bearer ${CANARY}`) }),
    {
      code: "ECONNREFUSED",
    },
  );
  const value = {
    list: [`Basic ${CANARY}`, 7, null, true, 1n],
    url: new URL(`https://a:${CANARY}@x.com/?sig=${CANARY}`),
    error,
    nested: { password: CANARY, proxyAuthorization: CANARY, token: CANARY, opaque_token: false },
  };
  const text = JSON.stringify(redactValue(value));
  assert.ok(!text.includes(CANARY), text);
  assert.match(text, /"code":"ECONNREFUSED"/);
  assert.match(text, /"opaque_token":false/);
  assert.match(text, /\["Basic \[REDACTED\]",7,null,true,"1"\]/);
});

test("a value that holds itself ends", () => {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  assert.match(JSON.stringify(redactValue(value)), /TOO DEEP/);
});
