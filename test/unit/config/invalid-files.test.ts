import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/problem.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/config");

/** Every wrong file, and all that is said about it. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "invalid-workers.yaml": [
    'invalid-workers.yaml:1: workers: too many for registries["registry.test"].tokens: relay, as tokens are sealed with the key of one process; expected 1 (got 2)',
  ],
  "invalid-addresses.yaml": [
    'invalid-addresses.yaml:2: listeners[0].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got 5000)',
    'invalid-addresses.yaml:3: listeners[1].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "127.0.0.1")',
    'invalid-addresses.yaml:4: listeners[2].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "127.0.0.1:70000")',
    'invalid-addresses.yaml:5: listeners[3].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "127.0.0.256:5000")',
    'invalid-addresses.yaml:6: listeners[4].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "::1:5000")',
    'invalid-addresses.yaml:7: listeners[5].address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "http://127.0.0.1:5000")',
    'invalid-addresses.yaml:8: listeners[6].address: missing; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT"',
    'invalid-addresses.yaml:10: admin.address: not an address; expected HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT" (got "[127.0.0.1]:9090")',
  ],
  "invalid-admin-collision.yaml": [
    "invalid-admin-collision.yaml:2: admin.address: address in use; expected one that leaves room for listeners[3].address (127.0.0.1:5003)",
  ],
  "invalid-alias-bomb.yaml": [
    "invalid-alias-bomb.yaml:4: aliases of aliases multiply; expected values that stand for themselves",
  ],
  "invalid-aliases.yaml": ["invalid-aliases.yaml: too many aliases; expected at most 100"],
  "invalid-collisions.yaml": [
    'invalid-collisions.yaml:4: listeners[1].name: name in use; expected one that listeners[0] does not have (got "main")',
    "invalid-collisions.yaml:6: listeners[2].address: address in use; expected one that leaves room for listeners[0].address (127.0.0.1:5000)",
    "invalid-collisions.yaml:8: listeners[3].address: address in use; expected one that leaves room for listeners[1].address (127.0.0.1:5001)",
    "invalid-collisions.yaml:12: listeners[6].address: address in use; expected one that leaves room for admin.address (127.0.0.1:9090)",
    'invalid-collisions.yaml:15: headers.trigger: header in use; expected one that headers.isolation does not have (got "X-Kind")',
  ],
  "invalid-documents.yaml": ["invalid-documents.yaml:2: more than one document; expected no --- line"],
  "invalid-duplicate-keys.yaml": [
    'invalid-duplicate-keys.yaml:6: registries["ghcr.io"]: duplicate key; expected each key once',
    "invalid-duplicate-keys.yaml:8: log: duplicate key; expected each key once",
    "invalid-duplicate-keys.yaml:12: listeners[0].address: duplicate key; expected each key once",
  ],
  "invalid-durations.yaml": [
    "invalid-durations.yaml:2: timeouts.connect: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got 5)",
    'invalid-durations.yaml:3: timeouts.header: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got "5 seconds")',
    'invalid-durations.yaml:4: timeouts.stall: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got "48h")',
    'invalid-durations.yaml:5: timeouts.drain: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 0s to 24h (got "-1s")',
    'invalid-durations.yaml:7: tracker.daemonSettle: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got "0s")',
    'invalid-durations.yaml:8: tracker.processSettle: not a duration in range; expected a duration such as 500ms, 5s or 1m30s, from 1ms to 24h (got "")',
  ],
  "invalid-files.yaml": [
    'invalid-files.yaml:3: registries["a.example.com"].caFile: cannot be read; expected a PEM file (ENOENT) (got "missing.pem")',
    'invalid-files.yaml:5: registries["b.example.com"].caFile: no certificates in it; expected a PEM file of certificates (got "invalid-files.yaml")',
    'invalid-files.yaml:7: registries["c.example.com"].caFile: not a path; expected the path of a file (got "")',
    'invalid-files.yaml:9: registries["d.example.com"].caFile: no certificates in it; expected a PEM file of certificates (got "damaged.pem")',
  ],
  "invalid-protection.yaml": [
    'invalid-protection.yaml:4: listeners[0].tls.certFile: cannot be read; expected a PEM file (ENOENT) (got "missing.pem")',
    'invalid-protection.yaml:8: listeners[1].tls.certFile: no certificates in it; expected a PEM file of certificates (got "tokens")',
    'invalid-protection.yaml:10: listeners[1].tls.clientCaFile: no certificates in it; expected a PEM file of certificates (got "damaged.pem")',
    'invalid-protection.yaml:14: listeners[2].tls.keyFile: not the key of the certificate; expected the one that certFile was made for (got "../tls/client-key.pem")',
    'invalid-protection.yaml:18: listeners[3].tls.keyFile: no private key in it; expected a PEM file of a key without passphrase (got "tokens")',
    "invalid-protection.yaml:20: listeners[4].tls.keyFile: missing; expected the path of a file",
    "invalid-protection.yaml:22: listeners[4].auth: nobody may use the listener; expected basicFile, bearerFile or both",
    'invalid-protection.yaml:25: listeners[5].auth.basicFile: line 2 in it cannot be read; expected NAME:$scrypt$…, as `pullmeter hash-password NAME` prints it (got "tokens")',
    'invalid-protection.yaml:26: listeners[5].auth.bearerFile: nobody is in it; expected lines of a token of 16 or more of letters, digits and -._~+/ (got "empty-tokens")',
    'invalid-protection.yaml:27: listeners[6].address: the network could read passwords, because its tokens is "relay"; expected tls, an address on loopback, or allowCleartextTokens: true (got "10.0.0.1:5006")',
    'invalid-protection.yaml:29: listeners[7].address: the network could read passwords, because registries["relayed.example.com"].tokens is "relay"; expected tls, an address on loopback, or allowCleartextTokens: true (got ":5007")',
    'invalid-protection.yaml:37: listeners[10].tls.certFile: refused by OpenSSL; expected a certificate that is good for TLS (error:0A00018F:SSL routines::ee key too small) (got "weak.pem")',
    'invalid-protection.yaml:44: admin.auth.bearerFile: cannot be read; expected a file (ENOENT) (got "missing-tokens")',
  ],
  "invalid-registries.yaml": [
    'invalid-registries.yaml:3: listeners[0].registry: not a registry; expected HOST or HOST:PORT in lower case, such as registry.example.com:5000, without scheme or path (got "https://ghcr.io")',
    'invalid-registries.yaml:5: listeners[1].registry: not a registry; expected HOST or HOST:PORT in lower case, such as registry.example.com:5000, without scheme or path (got "Docker.io")',
    'invalid-registries.yaml:7: registries["GHCR.io"]: not a registry; expected HOST or HOST:PORT in lower case, without scheme or path',
    'invalid-registries.yaml:8: registries["ghcr.io/library"]: not a registry; expected HOST or HOST:PORT in lower case, without scheme or path',
    'invalid-registries.yaml:9: registries["ghcr.io/library"].redirects: not one of its values; expected follow, pass (got "folow")',
    'invalid-registries.yaml:11: registries["registry.example.com"].upstream: not a base URL; expected http://HOST[:PORT] or https://HOST[:PORT], without user, path or query (got "registry.example.com:5000")',
    'invalid-registries.yaml:13: registries["a.example.com"].upstream: not a base URL; expected http://HOST[:PORT] or https://HOST[:PORT], without user, path or query (got "https://***@a.example.com")',
    'invalid-registries.yaml:14: registries["a.example.com"].proxy: not a proxy; expected http://[USER:PASSWORD@]HOST[:PORT], or "none" (got "https//***@proxy")',
    'invalid-registries.yaml:16: registries["b.example.com"].upstream: not a base URL; expected http://HOST[:PORT] or https://HOST[:PORT], without user, path or query (got "https://b.example.com/v2/")',
    'invalid-registries.yaml:17: registries["b.example.com"].proxy: not a proxy; expected http://[USER:PASSWORD@]HOST[:PORT], or "none" (got "socks5://***@proxy:1080")',
    'invalid-registries.yaml:19: registries["c.example.com"].upstream: not a base URL; expected http://HOST[:PORT] or https://HOST[:PORT], without user, path or query (got "ftp://c.example.com")',
    'invalid-registries.yaml:20: registries["c.example.com"].privateRedirectHosts[0]: not a host; expected HOST in lower case, without scheme, port or path (got "blobs.internal:9000")',
    'invalid-registries.yaml:21: allowRegistries[1]: not a pattern of registries; expected a host in lower case with "*" for whole labels, such as *.example.com, or "*" for every registry (got "reg*.example.com")',
    'invalid-registries.yaml:21: allowRegistries[2]: not a pattern of registries; expected a host in lower case with "*" for whole labels, such as *.example.com, or "*" for every registry (got "https://*")',
    'invalid-registries.yaml:21: allowRegistries[3]: not a pattern of registries; expected a host in lower case with "*" for whole labels, such as *.example.com, or "*" for every registry (got "*.Example.com")',
    'invalid-registries.yaml:21: allowRegistries[4]: not a pattern of registries; expected a host in lower case with "*" for whole labels, such as *.example.com, or "*" for every registry (got 5)',
  ],
  "invalid-root.yaml": ["invalid-root.yaml:1: wrong type; expected a mapping (got a list)"],
  "invalid-syntax.yaml": ["invalid-syntax.yaml:3: not YAML; Sequence item without - indicator"],
  "invalid-types.yaml": [
    'invalid-types.yaml:1: listeners: not a list; expected a list of listeners, each with an address (got "127.0.0.1:5000")',
    "invalid-types.yaml:2: registries: not a mapping; expected registries by host (got a list)",
    'invalid-types.yaml:4: allowRegistries: not a list; expected a list of patterns (got "*")',
    'invalid-types.yaml:5: wellKnownRegistries: not a boolean; expected true or false (got "yes")',
    "invalid-types.yaml:6: allowPush: not a boolean; expected true or false (got 1)",
    'invalid-types.yaml:7: admin: wrong type; expected a mapping (got "127.0.0.1:9090")',
    'invalid-types.yaml:9: limits.headerBytes: not a whole number in range; expected 8192 to 1048576 (got "64KiB")',
    'invalid-types.yaml:11: metrics.originName: not a metric name that is free to use; expected letters, digits and "_", not beginning with pullmeter_, process_ or nodejs_; or "none" (got 5)',
    "invalid-types.yaml:12: log: wrong type; expected a mapping, {} if there is nothing to say (got nothing)",
  ],
  "invalid-unknown-keys.yaml": [
    'invalid-unknown-keys.yaml:1: lisners: unknown key; did you mean "listeners"?',
    'invalid-unknown-keys.yaml:4: timeouts.conect: unknown key; did you mean "connect"?',
    'invalid-unknown-keys.yaml:7: listeners[0].adress: unknown key; did you mean "address"?',
    'invalid-unknown-keys.yaml:10: registries["ghcr.io"].insecure: unknown key; expected one of upstream, caFile, proxy, redirects, allowPrivateAddresses, privateRedirectHosts, verifyBlobs, tokens, tokenHosts',
    "invalid-unknown-keys.yaml:11: colour: unknown key; expected one of listeners, isolation, trigger, allowPush, verifyBlobs, peerIdentity, workers, registries, allowRegistries, wellKnownRegistries, admin, metrics, traces, push, headers, timeouts, tracker, limits, log",
  ],
  "invalid-values.yaml": [
    'invalid-values.yaml:1: isolation: not a label value; expected up to 32 letters, digits, "_", "." and "-" (got "two words")',
    'invalid-values.yaml:2: trigger: not one of its values; expected execution, warmup (got "warm-up")',
    'invalid-values.yaml:3: peerIdentity: not one of its values; expected none, proc (got "pid")',
    "invalid-values.yaml:5: admin.finishedPullsKept: not a whole number in range; expected 0 to 100000 (got -1)",
    'invalid-values.yaml:7: metrics.originName: not a metric name that is free to use; expected letters, digits and "_", not beginning with pullmeter_, process_ or nodejs_; or "none" (got "pull-duration")',
    'invalid-values.yaml:9: headers.isolation: not a header name that is free to use; expected a name such as x-pullmeter-isolation (got "x isolation")',
    'invalid-values.yaml:10: headers.trigger: not a header name that is free to use; expected a name such as x-pullmeter-isolation (got "Authorization")',
    "invalid-values.yaml:12: limits.headerBytes: not a whole number in range; expected 8192 to 1048576 (got 100)",
    'invalid-values.yaml:14: log.level: not one of its values; expected debug, info, warn, error, silent (got "verbose")',
  ],
};

for (const [file, lines] of Object.entries(EXPECTED)) {
  test(`${file} is refused with every problem, its line and its path`, () => {
    assert.deepEqual(messageOf(file).split("\n"), lines);
  });
}

test("every invalid file has its expected message here", () => {
  const files = readdirSync(FIXTURES).filter((file) => file.startsWith("invalid-"));
  assert.deepEqual(files.toSorted(), Object.keys(EXPECTED).toSorted());
});

function messageOf(file: string): string {
  try {
    loadConfig({ file: join(FIXTURES, file), flags: new Map(), environment: {} });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(`${FIXTURES}/`, "");
  }
  return assert.fail("the file was accepted");
}
