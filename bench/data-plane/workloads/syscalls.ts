import { isInstalled } from "../../rig/installed.ts";
import { MIB } from "../../rig/images.ts";
import type { Program } from "../program.ts";
import { attachStrace } from "../strace.ts";
import { inRounds, type Bench, type Workload } from "../workload.ts";

/** Reads and writes per MiB: exact, whatever else the machine does. */
export const syscalls: Workload = {
  name: "syscalls",
  about: "system calls for one blob, TLS",
  run,
};

const READS = new Set(["read", "readv", "recvfrom", "recvmsg", "splice"]);
const WRITES = new Set(["write", "writev", "sendto", "sendmsg", "sendfile", "splice"]);

async function run(bench: Bench): Promise<void> {
  await inRounds(bench, { workload: "syscalls", rounds: 1, items: bench.programs("syscalls") }, async (program) => {
    if (!isInstalled("strace")) return bench.skip("syscalls", program.name, "strace is not installed");
    bench.record("syscalls", program.name, await measure(bench, program));
  });
}

async function measure({ client, images }: Bench, program: Program) {
  const blob = images.app.blobs[1] ?? { digest: "", sizeBytes: 0 };
  const path = `/v2/${images.app.repository}/blobs/${blob.digest}`;
  const strace = await attachStrace(program.pids);
  await client.do({ kind: "read", requests: [{ port: program.ports.tls, path, sizeBytes: blob.sizeBytes }] });
  const calls = await strace.detach();
  const perMib = (names: ReadonlySet<string>): number =>
    calls.reduce((sum, { name, count }) => sum + (names.has(name) ? count : 0), 0) / (blob.sizeBytes / MIB);
  return {
    readsPerMib: perMib(READS),
    writesPerMib: perMib(WRITES),
    callsPerMib: perMib(new Set(calls.map(({ name }) => name))),
  };
}
