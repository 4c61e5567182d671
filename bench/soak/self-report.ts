// Loaded into the program before it starts (`node --import`): SIGUSR2 collects garbage, so that the heap's size says what
// is held and not when V8 last cleaned up, and writes a line about what only the process itself can know.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

process.on("SIGUSR2", () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo().length;
  process.stderr.write(
    `${JSON.stringify({ selfReport: { heapBytes: heapUsed, externalBytes: external, resources } })}\n`,
  );
});
