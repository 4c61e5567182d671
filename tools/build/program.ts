import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { builtinsWhenNeeded } from "./builtins.ts";
import { notices } from "./notices.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Writes the program as it is shipped to `folder`, and tells what is in which file. */
export async function buildProgram(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    // What bin/pullmeter.js loads, and what runs in processes and threads of its own.
    entryPoints: [
      "src/cli/frugal-start.ts",
      "src/cli/main.ts",
      "src/cli/worker-main.ts",
      "src/demo/registry-thread-main.ts",
      "src/proxy/hash-thread-main.ts",
    ],
    // All in one folder: modules look for threads and workers beside themselves, and for package.json two folders up.
    outdir: join(folder, "cli"),
    entryNames: "[name]",
    // One file per module, as src/ and packages have them, takes 5 MB more and twice the time to start.
    bundle: true,
    // What is imported when it is needed stays in files of its own.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.19",
    // Without indentation, in lines that people can look at: 1 MB less, because V8 keeps the text of what it runs.
    minifyWhitespace: true,
    lineLimit: 120,
    plugins: [builtinsWhenNeeded],
    // Packages in CommonJS ask for Node.js' own modules.
    banner: {
      js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);',
    },
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), notices(metafile, ROOT));
  return metafile;
}
