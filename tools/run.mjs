// Runs a command with the project's dependencies installed and a supported Node first on PATH.
// Needs nothing but Node >= 18 and npm; works in a fresh clone.
//
//   node tools/run.mjs COMMAND [ARGUMENT...]
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** "node_modules is as package-lock.json says": npm writes its own copy of the lockfile last. */
function installed(folder) {
  const marker = join(folder, "node_modules", ".package-lock.json");
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(folder, "package-lock.json")).mtimeMs;
}

function install(folder, what) {
  console.error(`pullmeter: installing ${what} ...`);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(npm, ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (result.status !== 0) {
    console.error(`pullmeter: "npm ci" failed in ${folder}; the message above says why`);
    process.exit(1);
  }
}

/** True if this Node satisfies package.json's engines and runs .ts files by itself. */
function nodeIsNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

/** Folder of a Node 24 from npm, for machines whose own Node is too old. */
function nodeFromNpm() {
  const folder = join(root, "tools", "node");
  if (!installed(folder)) install(folder, "Node 24 from npm (this machine has " + process.version + ")");
  const bin = join(folder, "node_modules", `node-${process.platform}-${process.arch}`, "bin");
  if (!existsSync(bin)) {
    const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
    console.error(`pullmeter: needs Node ${wanted}; found ${process.version} and npm has none for this platform`);
    process.exit(1);
  }
  return bin;
}

const path = [join(root, "node_modules", ".bin"), process.env.PATH];
if (!nodeIsNewEnough()) path.unshift(nodeFromNpm());
if (!installed(root)) install(root, "dependencies");

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, PATH: path.join(delimiter) } });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`pullmeter: cannot run ${command}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
