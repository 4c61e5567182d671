import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

const PACKAGE_FOLDER = /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LICENCE_FILE = /^(?:licen[cs]e|notice|copying)/i;

/** The licences of all packages whose code is in what was built: each wants to be told with every copy. */
export function notices({ outputs }: Metafile, root: string): string {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(files.flatMap((file) => PACKAGE_FOLDER.exec(file)?.[1] ?? []));
  const told = [...folders].toSorted().map((folder) => notice(join(root, folder)));
  return ["This program contains the following packages.", ...told].join(`\n\n${"-".repeat(80)}\n\n`) + "\n";
}

function notice(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  if (license === undefined && texts.length === 0) throw new Error(`${name}: nothing says under which licence it is`);
  return [`${name} ${version} (${license ?? "see below"})`, ...texts].join("\n\n");
}
