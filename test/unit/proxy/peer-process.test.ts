import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { PeerProcesses } from "../../../src/proxy/peer-process.ts";

const CLIENT = `
  const socket = require("node:net").connect(Number(process.argv[1]), process.argv[2]);
  socket.on("close", () => process.exit());
`;

const isLinux = process.platform === "linux";

for (const { name, listen, dial } of [
  { name: "IPv4", listen: "127.0.0.1", dial: "127.0.0.1" },
  { name: "IPv6", listen: "::1", dial: "::1" },
  { name: "IPv4 to a dual-stack listener", listen: "::", dial: "127.0.0.1" },
]) {
  test(`the client's process is found over ${name}`, { skip: !isLinux && "needs /proc" }, async (t) => {
    const server = createServer();
    server.listen(0, listen);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, ["-e", CLIENT, String(port), dial]);
    t.after(async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    });
    const [socket] = (await once(server, "connection")) as [Socket];
    t.after(() => {
      socket.destroy();
      server.close();
    });
    const ends = {
      clientAddress: socket.remoteAddress ?? "",
      clientPort: socket.remotePort ?? 0,
      serverAddress: socket.localAddress ?? "",
      serverPort: socket.localPort ?? 0,
    };
    const processes = new PeerProcesses();
    assert.equal(processes.find(ends), child.pid);
    assert.equal(processes.find({ ...ends, clientPort: 1 }), undefined);
    assert.equal(processes.find(ends), child.pid, "again, from memory");
  });
}

test("a client on another host has no process here", { skip: !isLinux && "needs /proc" }, () => {
  const ends = { clientAddress: "192.0.2.7", clientPort: 40_000, serverAddress: "192.0.2.1", serverPort: 5000 };
  const processes = new PeerProcesses();
  assert.equal(processes.find(ends), undefined);
  assert.equal(processes.find({ ...ends, clientAddress: "fe80::1%eth0" }), undefined);
});

test("of two clients, each is found, the one known before too", { skip: !isLinux && "needs /proc" }, async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const processes = new PeerProcesses();
  const connectFrom = async (): Promise<readonly [found: number | undefined, expected: number | undefined]> => {
    const child = spawn(process.execPath, ["-e", CLIENT, String(port), "127.0.0.1"]);
    const [socket] = (await once(server, "connection")) as [Socket];
    t.after(async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      socket.destroy();
    });
    const { remotePort = 0, localPort = 0 } = socket;
    const ends = {
      clientAddress: "127.0.0.1",
      clientPort: remotePort,
      serverAddress: "127.0.0.1",
      serverPort: localPort,
    };
    return [processes.find(ends), child.pid];
  };
  const [one, oneExpected] = await connectFrom();
  const [other, otherExpected] = await connectFrom();
  assert.deepEqual([one, other], [oneExpected, otherExpected]);
  assert.notEqual(one, other);
});
