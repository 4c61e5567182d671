import { Option, type Command } from "commander";
import { FILE_VARIABLE, loadConfig, type LoadedConfig } from "../config/load.ts";
import { listSettings, printValue, type Setting } from "../config/setting.ts";

/** Gives a command every flag that decides about the configuration. */
export function addConfigOptions(command: Command): Command {
  command.option("--config <FILE>", `YAML file with settings (env: ${FILE_VARIABLE})`);
  for (const setting of listSettings()) command.addOption(toOption(setting));
  return command;
}

/** What decides about the configuration beside a command's flags. */
export interface CommandSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Named otherwise than by `--config`. */
  readonly file?: string | undefined;
}

/** Reads the configuration that a command's flags, the environment and the file make. Throws ConfigError. */
export function loadCommandConfig(command: Command, { environment, file }: CommandSources): LoadedConfig {
  const flags = new Map<string, readonly string[]>();
  for (const setting of listSettings()) {
    const texts: unknown = command.getOptionValue(toOption(setting).attributeName());
    if (Array.isArray(texts)) flags.set(setting.flag, texts.map(String));
    // A boolean's flag without a value.
    if (texts === true) flags.set(setting.flag, ["true"]);
  }
  const named: unknown = file ?? command.getOptionValue("config") ?? environment[FILE_VARIABLE];
  return loadConfig({
    file: typeof named === "string" && named !== "" ? named : undefined,
    flags,
    environment,
  });
}

function toOption(setting: Setting): Option {
  const value = setting.boolean ? "[true|false]" : `<${setting.argument}>`;
  return new Option(`${setting.flag} ${value}`, describe(setting))
    .argParser((text: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), text])
    .helpGroup(headingOf(setting));
}

function describe({ description, fallback, repeatable, variable }: Setting): string {
  const text = repeatable || fallback === undefined ? "" : `default: ${printValue(fallback)}, `;
  return `${description.replaceAll("`", "")} (${text}env: ${variable})`;
}

function headingOf({ path }: Setting): string {
  const [group = ""] = path;
  return path.length === 1 ? "Settings:" : `Settings of ${group}:`;
}
