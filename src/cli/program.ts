import { Command } from "commander";
import { describeConfig, describeSchema } from "./check-config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { addConfigOptions, loadCommandConfig } from "./config-options.ts";
import { runFreely } from "./frugal-start.ts";

const EXIT_CODES = `
Exit codes:
  0  everything asked for was done; serve: stopped gracefully
  1  failure
  2  wrong usage or configuration`;

const SERVE_EXAMPLES = `
Examples:
  pullmeter serve
      one listener for registries that requests name, one each for six public ones, and admin on port 9090
  pullmeter serve --listener 127.0.0.1:5001=docker.io
      that registry alone
  pullmeter serve --listener :5000 --registry registry.internal:5000=http://10.0.0.7:5000
      on every address; the registry inside may be reached in the clear
  PULLMETER_LOG_LEVEL=warn pullmeter serve --config /etc/pullmeter.yaml
      flags win over the environment, the environment over the file, the file over defaults

The first SIGTERM or SIGINT lets pulls under way finish (--timeouts-drain); a second one ends it at once, with 128 and
the signal's number as exit code. SIGHUP, or a change of the file, reads the configuration again.`;

const REPLAY_EXAMPLES = `
Examples:
  pullmeter replay recordings/
  pullmeter replay pull.jsonl pull.jsonl.gz`;

const HASH_EXAMPLES = `
Examples:
  pullmeter hash-password alice >> users
      asks for the password at a terminal, and shows nothing of it
  pullmeter hash-password alice < password.txt >> users
  openssl rand -base64 24 | tee password.txt | pullmeter hash-password ci >> users`;

const CHECK_EXAMPLES = `
Examples:
  pullmeter check-config /etc/pullmeter.yaml
  pullmeter check-config --schema > pullmeter.schema.json`;

/** What commands know of the process, what they print, and how they end. */
export interface Surroundings {
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  readonly exitWith: (code: number) => void;
}

/** Every command and flag. Parsing throws CommanderError instead of leaving the process. */
export function createProgram(surroundings: Surroundings): Command {
  const program = new Command("pullmeter")
    .description("Transparent registry proxy that emits one labelled observation per image pull.")
    .version(surroundings.version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", EXIT_CODES)
    .showSuggestionAfterError()
    .configureOutput({ writeOut: surroundings.print, writeErr: surroundings.printError })
    .exitOverride();
  addServe(program, surroundings);
  addCheckConfig(program, surroundings);
  addDemo(program, surroundings);
  addReplay(program, surroundings);
  addHashPassword(program, surroundings);
  return program;
}

// What a command needs is loaded when it runs: the proxy has no use for the demo's registry, nor a check for the proxy.

async function loadCommand<Command>(command: Promise<Command>): Promise<Command> {
  const loaded = await command;
  runFreely();
  return loaded;
}

function addServe(program: Command, { version, environment, exitWith }: Surroundings): void {
  addConfigOptions(program.command("serve"))
    .description("Serve clients until SIGTERM or SIGINT.")
    .addHelpText("after", SERVE_EXAMPLES + "\n" + EXIT_CODES)
    // Told below what to write instead.
    .allowExcessArguments()
    .action(async (_options: unknown, command: Command) => {
      const [file] = command.args;
      if (file !== undefined) command.error(`error: serve takes no arguments; did you mean --config ${file}?`);
      const load = (): LoadedConfig => loadCommandConfig(command, { environment });
      const loaded = load();
      const { serve } = await loadCommand(import("./serve.ts"));
      exitWith(await serve(loaded, { load, version }));
    });
}

function addCheckConfig(program: Command, { environment, print }: Surroundings): void {
  addConfigOptions(program.command("check-config"))
    .description("Check the configuration that serve would use, and print it.")
    .argument("[FILE]", "YAML file with settings, as --config")
    .option("--schema", "print the JSON Schema of the file instead")
    .addHelpText("after", CHECK_EXAMPLES + "\n" + EXIT_CODES)
    .action((file: string | undefined, options: { schema?: boolean; config?: string }, command: Command) => {
      if (file !== undefined && options.config !== undefined)
        command.error(`error: ${file} and --config ${options.config} both name the file; expected one of them`);
      print(
        options.schema === true ? describeSchema() : describeConfig(loadCommandConfig(command, { environment, file })),
      );
    });
}

function addDemo(program: Command, { version, exitWith }: Surroundings): void {
  program
    .command("demo")
    .description("Show it at work: registries, the proxy and a client in one process, and what was observed.")
    .option("--once", "end after the report instead of pulling on until Ctrl-C")
    .addHelpText("after", EXIT_CODES)
    .action(async (options: { once?: boolean }) => {
      const { demo } = await loadCommand(import("./demo.ts"));
      exitWith(await demo({ once: options.once === true, version }));
    });
}

function addReplay(program: Command, { print, exitWith }: Surroundings): void {
  program
    .command("replay")
    .description("Run the tracker over recordings of requests, and print one JSON line for each.")
    .argument("<FILE|DIR...>", "recordings (.jsonl, .jsonl.gz), or directories of them")
    .addHelpText("after", REPLAY_EXAMPLES + "\n" + EXIT_CODES)
    .action(async (paths: string[]) => {
      const { replay } = await loadCommand(import("./replay.ts"));
      exitWith(await replay(paths, { write: (line) => print(`${line}\n`) }));
    });
}

function addHashPassword(program: Command, { print }: Surroundings): void {
  program
    .command("hash-password")
    .description("Read a password from standard input, and print a line for a listener's basicFile.")
    .argument("<NAME>", "name of the user")
    .addHelpText("after", HASH_EXAMPLES + "\n" + EXIT_CODES)
    .action(async (name: string, _options: unknown, command: Command) => {
      if (/[:\s]/.test(name)) command.error("error: a user's name has no colon and no space");
      const { readPassword } = await import("./read-password.ts");
      const { hashPassword } = await import("../access/password-hash.ts");
      print(`${name}:${await hashPassword(await readPassword())}\n`);
    });
}
