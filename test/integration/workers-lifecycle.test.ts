import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import type { Fault } from "../../src/demo/faults.ts";
import { eventually } from "../support/clients/process.ts";
import { runCommand, startCommand } from "../support/run-command.ts";
import { TEST_TLS } from "../support/tls.ts";
import {
  Client,
  DIED,
  finishedPulls,
  pidsOf,
  pullThrough,
  serverOf,
  STALL,
  startRegistry,
  startServe,
  startStalled,
} from "../support/worker-serving.ts";

test("SIGTERM lets pulls in both workers finish, refuses new ones in both, and ends all processes with 0", async (t) => {
  const delays: readonly Fault[] = STALL.slice(2).map((fault) => ({ ...fault, action: { kind: "delay", ms: 1500 } }));
  const registry = await startRegistry(t, delays);
  const serving = await startServe(t, registry);
  const { command, admin } = serving;
  const pids = await pidsOf(serving, 2);
  const results = await startStalled(registry, serving, 2);
  command.child.kill("SIGTERM");
  await command.line("stopping: pulls under way may finish, a second signal stops at once");
  const clients = [new Client(t, serving.origin), new Client(t, serving.origin)];
  for (const client of clients) {
    assert.equal((await client.ask("/v2/demo/other/manifests/v1")).status, 503);
    assert.equal((await client.ask("/v2/demo/app/manifests/v1")).status, 200);
  }
  assert.deepEqual(new Set(clients.map((client) => serverOf(client, serving.port))), new Set(pids));
  assert.equal((await fetch(`${admin}/readyz`)).status, 503);
  assert.deepEqual(await Promise.all(results), ["whole", "whole"]);
  assert.equal(await command.exited, 0);
  assert.equal(finishedPulls(command).filter(({ status }) => status === "ok").length >= 2, true);
  assert.equal(finishedPulls(command).filter(({ cause }) => cause === "proxy").length, 0);
  assert.ok(!command.lines.some(({ msg }) => msg === DIED));
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("what outlives the drain time is cut in each worker, and observed with the cause shutdown", async (t) => {
  const registry = await startRegistry(t, STALL);
  const serving = await startServe(t, registry, ["--timeouts-drain=200ms"]);
  const results = await startStalled(registry, serving, 2);
  serving.command.child.kill("SIGTERM");
  assert.equal(await serving.command.exited, 0);
  assert.deepEqual(await Promise.all(results), ["failed", "failed"]);
  assert.deepEqual(
    finishedPulls(serving.command).map(({ status, cause }) => ({ status, cause })),
    Array.from({ length: 2 }, () => ({ status: "error", cause: "shutdown" })),
  );
});

test("workers end when the process that puts pulls together is gone, and leave signals to it before", async (t) => {
  const serving = await startServe(t, await startRegistry(t));
  const pids = await pidsOf(serving, 2);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) for (const pid of pids) process.kill(pid, signal);
  await pullThrough(serving);
  assert.ok(!serving.command.lines.some(({ msg }) => msg === DIED));
  await serving.command.kill();
  await eventually("both are gone", async () => {
    const left = pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
    return left.length === 0 ? true : undefined;
  });
});

test("a reload holds in both workers, and in one that is started after it although the file is broken by then", async (t) => {
  const registry = await startRegistry(t);
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-workers-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  await writeFile(file, "allowPush: false\n");
  const serving = await startServe(t, registry, ["--config", file]);
  /** How many of two clients, one in each worker, are told that they may not push. */
  const refusals = async (): Promise<number> => {
    const clients = [new Client(t, serving.origin), new Client(t, serving.origin)];
    const answers = [];
    for (const client of clients) answers.push(await client.ask("/v2/demo/app/manifests/v1", "DELETE"));
    assert.equal(new Set(clients.map((client) => serverOf(client, serving.port))).size, 2);
    for (const client of clients) client.close();
    return answers.filter(({ headers }) => headers.allow === "GET, HEAD").length;
  };
  assert.equal(await refusals(), 2);
  writeFileSync(file, "allowPush: true\n");
  serving.command.child.kill("SIGHUP");
  await serving.command.line("configuration reloaded");
  await eventually("both take it over", async () => ((await refusals()) === 0 ? true : undefined));

  writeFileSync(file, "allowPush: perhaps\n");
  await serving.command.line("configuration not reloaded: the one before goes on");
  const [pid = 0] = await pidsOf(serving, 2);
  process.kill(pid, "SIGKILL");
  await pidsOf(serving, 3);
  assert.equal(await refusals(), 0);
});

test("all ports are bound by all workers, or none is and the setting is named", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const flags = ["--listener", "127.0.0.1:0", "--listener", `${address}=ghcr.io`, "--admin-address", "127.0.0.1:0"];
  const { code, stderr } = await runCommand(["serve", "--workers", "2", ...flags]);
  assert.equal(code, 1);
  const reason = "somebody listens there already (EADDRINUSE); --listener gives another";
  const message = `listeners[1].address: cannot listen on ${address}: ${reason}`;
  const lines = stderr.trimEnd().split("\n");
  assert.equal((JSON.parse(lines.at(-1) ?? "") as { msg: string }).msg, message);
});

test("new certificates and passwords hold in both workers, and in one that is started after them", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-workers-"));
  t.after(() => rm(folder, { recursive: true }));
  const [certFile, keyFile, bearerFile] = ["cert.pem", "key.pem", "tokens"].map((name) => join(folder, name));
  await writeFile(certFile!, TEST_TLS.cert);
  await writeFile(keyFile!, TEST_TLS.key);
  await writeFile(bearerFile!, "canary-token-of-one\n");
  const file = join(folder, "config.yaml");
  const listener = { address: "127.0.0.1:0", tls: { certFile, keyFile }, auth: { bearerFile } };
  await writeFile(file, JSON.stringify({ workers: 2, admin: { address: "127.0.0.1:0" }, listeners: [listener] }));
  const command = startCommand(["serve", "--config", file]);
  t.after(() => command.kill());
  const { address } = await command.line("listening");
  await command.line("serving");
  const ask = async (token: string, ca: string): Promise<unknown> => {
    const asked = httpsRequest(`https://${String(address)}/v2/`, { ca, agent: false, headers: bearer(token) });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    await buffer(response);
    return response.statusCode;
  };
  // One after the other, they come to either worker.
  const askTwice = async (token: string, ca: string) => [await ask(token, ca), await ask(token, ca)];
  assert.deepEqual(await askTwice("canary-token-of-one", TEST_TLS.ca), [200, 200]);
  assert.deepEqual(await askTwice("canary-token-of-next", TEST_TLS.ca), [401, 401]);

  await writeFile(keyFile!, TEST_TLS.clientKey);
  await writeFile(certFile!, TEST_TLS.rotated);
  await writeFile(bearerFile!, "canary-token-of-next\n");
  command.child.kill("SIGHUP");
  await eventually("both have taken it over", async () => {
    const answers = await askTwice("canary-token-of-next", TEST_TLS.clientCa).catch(() => []);
    return answers.length === 2 && answers.every((status) => status === 200) ? true : undefined;
  });
  const [killed = 0] = await pidsOf({ command }, 2);
  process.kill(killed, "SIGKILL");
  await pidsOf({ command }, 3);
  assert.deepEqual(await askTwice("canary-token-of-next", TEST_TLS.clientCa), [200, 200]);
  assert.deepEqual(await askTwice("canary-token-of-one", TEST_TLS.clientCa), [401, 401]);
  assert.ok(!JSON.stringify(command.lines).includes("canary"));
});

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
