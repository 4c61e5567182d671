import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { runCommand, startCommand } from "../support/run-command.ts";
import { TEST_TLS } from "../support/tls.ts";

const TLS_FOLDER = join(import.meta.dirname, "../fixtures/tls");

const PASSWORD = "canary-password";
const NEXT_PASSWORD = "canary-next-password";
const TOKEN = "canary-token-of-prometheus";

function basic(password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}` };
}

async function hashLine(password: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(["hash-password", "alice"], {}, `${password}\n`);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^alice:\$scrypt\$ln=14,r=8,p=1\$\S+\n$/);
  return stdout;
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The status of a request, and what the server calls itself. */
async function ask(address: unknown, path: string, ca: string, headers: Record<string, string> = {}) {
  const [host, port] = String(address).split(":");
  const asked = request({ host, port, path, ca, agent: false, headers });
  asked.end();
  const [response] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

test("serve protects its listeners, and takes new certificates and passwords while it runs", async (t) => {
  const folder = makeFolder(t);
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  write("cert.pem", TEST_TLS.cert);
  write("key.pem", TEST_TLS.key);
  write("users", await hashLine(PASSWORD));
  write("tokens", `${TOKEN}\n`);
  write(
    "pullmeter.yaml",
    `listeners:
  - address: 127.0.0.1:0
    tls: { certFile: cert.pem, keyFile: key.pem }
    auth: { basicFile: users }
admin:
  address: 127.0.0.1:0
  tls: { certFile: cert.pem, keyFile: key.pem }
  auth: { bearerFile: tokens }
`,
  );
  const command = startCommand(["serve", "--config", join(folder, "pullmeter.yaml")]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  const { admin } = await command.line("serving");

  assert.equal((await ask(address, "/v2/", TEST_TLS.ca)).status, 401);
  assert.equal((await ask(address, "/v2/", TEST_TLS.ca, basic(PASSWORD))).status, 200);
  const metrics = await ask(admin, "/metrics", TEST_TLS.ca, { authorization: `Bearer ${TOKEN}` });
  assert.match(metrics.body, /^pullmeter_refused_total\{reason="unauthenticated"\} 1$/m);
  assert.equal((await ask(admin, "/metrics", TEST_TLS.ca)).status, 401);
  assert.equal((await ask(admin, "/readyz", TEST_TLS.ca)).status, 200);

  write("users", "alice:canary-password-in-the-clear\n");
  await command.line("files of a listener cannot be used; it goes on with what they said before");
  assert.equal((await ask(address, "/v2/", TEST_TLS.ca, basic(PASSWORD))).status, 200);

  write("users", await hashLine(NEXT_PASSWORD));
  write("cert.pem", TEST_TLS.rotated);
  write("key.pem", TEST_TLS.clientKey);
  await command.line("files of a listener were read again");
  assert.equal((await ask(address, "/v2/", TEST_TLS.clientCa, basic(PASSWORD))).status, 401);
  assert.equal((await ask(address, "/v2/", TEST_TLS.clientCa, basic(NEXT_PASSWORD))).status, 200);

  command.child.kill("SIGTERM");
  assert.equal(await command.exited, 0);
  assert.doesNotMatch(JSON.stringify(command.lines) + metrics.body, /canary/);
});

test("tokens are not relayed in the clear on an address that others reach, unless the configuration says so", async () => {
  const relay = ["check-config", "--listener=0.0.0.0:5000"];
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-"));
  const file = join(folder, "pullmeter.yaml");
  writeFileSync(file, "registries: { registry.example.com: { tokens: relay } }\n");
  const refused = await runCommand([...relay, file]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /^--listener: listeners\[0\]\.address: the network could read passwords, .*allowCleartextTokens/,
  );
  writeFileSync(file, "listeners: [{ address: '0.0.0.0:5000', tokens: relay, allowCleartextTokens: true }]\n");
  assert.equal((await runCommand(["check-config", file])).code, 0);
  rmSync(folder, { recursive: true });
});

test("check-config tells how each listener is protected", async () => {
  const file = join(import.meta.dirname, "../fixtures/config/valid-full.yaml");
  const { code, stdout } = await runCommand(["check-config", file]);
  assert.equal(code, 0);
  assert.match(stdout, /^ +shared .* TLS, client certificates, passwords or tokens$/m);
  assert.match(stdout, /^ +admin .* passwords or tokens$/m);
});

test("a password is read from standard input, and an empty one or a name with a colon is refused", async () => {
  const empty = await runCommand(["hash-password", "alice"], {}, "\n");
  assert.deepEqual([empty.code, empty.stdout], [1, ""]);
  assert.match(empty.stderr, /no password; expected a line on standard input/);
  assert.equal((await runCommand(["hash-password", "al:ice"], {}, "x\n")).code, 2);
});

test("serve warns of what others can use, and of passwords that they can read", async (t) => {
  const folder = makeFolder(t);
  writeFileSync(join(folder, "tokens"), `${TOKEN}\n`);
  const file = join(folder, "pullmeter.yaml");
  writeFileSync(
    file,
    `listeners:
  - address: 0.0.0.0:0
  - address: 127.0.0.1:0
  - address: 0.0.0.0:0
    name: token
    auth: { bearerFile: tokens }
  - address: 0.0.0.0:0
    name: mutual
    tls:
      certFile: ${join(TLS_FOLDER, "cert.pem")}
      keyFile: ${join(TLS_FOLDER, "key.pem")}
      clientCaFile: ${join(TLS_FOLDER, "client-ca.pem")}
admin: { address: "127.0.0.1:0" }
`,
  );
  const command = startCommand(["serve", "--config", file]);
  t.after(() => command.kill());
  await command.line("serving");
  const warnings = command.lines.filter(({ level }) => level === "warn").map(({ addresses }) => addresses);
  assert.deepEqual(warnings, [["0.0.0.0:0"], ["0.0.0.0:0"]]);
});
