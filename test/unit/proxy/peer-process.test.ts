import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { findPeerProcess } from "../../../src/proxy/peer-process.ts";

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
    assert.equal(findPeerProcess(ends), child.pid);
    assert.equal(findPeerProcess({ ...ends, clientPort: 1 }), undefined);
  });
}

test("a client on another host has no process here", { skip: !isLinux && "needs /proc" }, () => {
  const ends = { clientAddress: "192.0.2.7", clientPort: 40_000, serverAddress: "192.0.2.1", serverPort: 5000 };
  assert.equal(findPeerProcess(ends), undefined);
  assert.equal(findPeerProcess({ ...ends, clientAddress: "fe80::1%eth0" }), undefined);
});
