#!/usr/bin/env node
// An older Node fails somewhere in a dependency, with a message that tells nobody what to do.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  const { startFrugally } = await import("../dist/cli/frugal-start.js");
  startFrugally();
  const { main } = await import("../dist/cli/main.js");
  await main();
} else {
  process.stderr.write(`pullmeter needs Node >= 22.19; this is ${process.version}\n`);
  process.exitCode = 1;
}
