import { CommanderError } from "commander";
import { ConfigError } from "../config/problem.ts";
import { createProgram } from "./program.ts";
import { readVersion } from "./version.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  ignoreClosedOutputs();
  const program = createProgram({
    version: readVersion(),
    environment: process.env,
    printError: (text) => process.stderr.write(text),
    print: (text) => process.stdout.write(text),
    exitWith: (code) => (process.exitCode = code),
  });
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Says what went wrong on standard error, and which exit code goes with it. */
function report(error: unknown): number {
  // commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILURE;
}

/** `pullmeter check-config | head` ends quietly, and a log that nobody reads any more never ends the proxy. */
function ignoreClosedOutputs(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}
