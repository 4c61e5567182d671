import { parseArgs, type ParseArgsConfig } from "node:util";

/** What is wrong with a command line: the option, what was given, and what was expected. */
export class UsageError extends Error {}

type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

/** The options of a command line without anything else. Throws a UsageError for what it does not know. */
export function parseOptions<const Options extends OptionsConfig>(options: Options, args = process.argv.slice(2)) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Throws a UsageError for what is none, or is less than `least`. */
export function wholeNumber(option: string, given: string, least = 1): number {
  if (!/^\d{1,9}$/.test(given) || Number(given) < least) {
    throw new UsageError(`${option}: "${given}" is not a whole number from ${least} on`);
  }
  return Number(given);
}

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs a command of this process: its exit code is what `main` resolves with, 1 if it fails, 2 for a wrong command line. */
export async function runCommand(usage: string, main: () => Promise<number>): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    console.log(usage);
    return;
  }
  try {
    process.exitCode = await main();
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message}\n\n${usage}` : error);
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILURE;
  }
}
