// Runs the command line from source, as bin/pullmeter.js does with what was built.
import { main } from "../../src/cli/main.ts";

await main();
