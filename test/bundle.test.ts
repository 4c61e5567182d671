import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test, type TestContext } from "node:test";
import type { Metafile } from "esbuild";
import { buildProgram } from "../tools/build/program.ts";
import { startScriptedUpstream } from "./support/scripted-upstream.ts";
import { wireRequest } from "./support/wire-client.ts";

// What `npm run build` makes, where nothing else is: no packages, no source.

const ROOT = join(import.meta.dirname, "..");
let folder = "";
let outputs: Metafile["outputs"] = {};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pullmeter-bundle-"));
  ({ outputs } = await buildProgram(join(folder, "dist")));
  for (const each of ["bin", "package.json"]) await cp(join(ROOT, each), join(folder, each), { recursive: true });
});

after(() => rm(folder, { recursive: true }));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** The built file that is for this module of src/. */
function fileOf(module: string): string {
  const [file] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === module) ?? assert.fail(module);
  return file;
}

/** A built file, and all that are loaded with it. */
function loadedWith(file: string, loaded = new Set<string>()): ReadonlySet<string> {
  loaded.add(file);
  for (const { path, kind } of outputs[file]?.imports ?? []) {
    if (kind === "import-statement" && path in outputs && !loaded.has(path)) loadedWith(path, loaded);
  }
  return loaded;
}

function packagesIn(files: Iterable<string>): ReadonlySet<string> {
  const modules = [...files].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
  return new Set(modules.flatMap((module) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(module)?.[1] ?? []));
}

test("the built program runs without packages beside it", () => {
  const { version } = JSON.parse(run("--print", `JSON.stringify(require("${ROOT}/package.json"))`).stdout) as {
    readonly version: string;
  };
  assert.deepEqual(run(join(folder, "bin/pullmeter.js"), "--version"), {
    status: 0,
    stdout: `${version}\n`,
    stderr: "",
  });
  assert.equal(run(join(folder, "bin/pullmeter.js"), "check-config").status, 0);
});

test("what runs in threads and processes of its own is beside what starts it", async () => {
  const texts = await Promise.all(
    (await readdir(join(folder, "dist/cli"))).map((name) => readFile(join(folder, "dist/cli", name), "utf8")),
  );
  const started = texts.flatMap((text) => [...text.matchAll(/[\w-]+-main(?=\$\{)/g)].map(([name]) => `${name}.js`));
  assert.deepEqual(started.toSorted(), ["hash-thread-main.js", "registry-thread-main.js", "worker-main.js"]);
  for (const name of started) assert.ok(existsSync(join(folder, "dist/cli", name)), name);
});

test("what only some need is in files that are loaded when they are needed", () => {
  const all = packagesIn(Object.keys(outputs));
  const atStart = packagesIn([...loadedWith(fileOf("src/cli/main.ts")), ...loadedWith(fileOf("src/cli/serve.ts"))]);
  for (const name of ["commander", "pino", "prom-client", "psl", "yaml", "zod"]) assert.ok(atStart.has(name), name);
  for (const name of ["undici", "http-proxy"]) assert.ok(all.has(name) && !atStart.has(name), name);
});

test("packages that are loaded when they are needed do their work", async (t) => {
  // HTTP/1.0 is undici's to read, and what is no pull is http-proxy's to send.
  const upstream = await startScriptedUpstream(({ socket }) => socket.end("HTTP/1.0 200 OK\r\n\r\nto the end"));
  t.after(() => upstream.close());
  const port = await startServe(t, upstream.origin);
  for (const path of ["/v2/app/manifests/v1", "/v2/app/tags/list"]) {
    const { statusLine, body } = await wireRequest(port, [`GET ${path} HTTP/1.1`, "Host: h"]);
    assert.deepEqual([path, statusLine], [path, "HTTP/1.1 200 OK"], body.toString());
  }
});

/** The built program, until the test is over. Resolves with its port. */
async function startServe(t: TestContext, registry: URL): Promise<number> {
  const flags = ["--listener=127.0.0.1:0=registry.test", `--registry=registry.test=${registry.href}`];
  const program = [join(folder, "bin/pullmeter.js"), "serve", "--admin-address=127.0.0.1:0", ...flags];
  const child = spawn(process.execPath, program, { stdio: ["ignore", "ignore", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  for await (const line of createInterface(child.stderr)) {
    const { msg, address } = JSON.parse(line) as { readonly msg: string; readonly address?: string };
    if (msg === "listening") return Number(new URL(`http://${address}`).port);
  }
  return assert.fail("it ended before it listened");
}

test("no language of zod's messages but the one that is used is in it", () => {
  const modules = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const languages = modules.flatMap((module) => /\/zod\/.*\/locales\/(\w+)\.js$/.exec(module)?.[1] ?? []);
  assert.deepEqual(languages, ["en"]);
});

test("every package that is in it is named with its licence", async () => {
  const told = await readFile(join(folder, "dist/THIRD-PARTY-NOTICES.txt"), "utf8");
  const { dependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of Object.keys(dependencies)) {
    assert.match(told, new RegExp(`^${name}(?:-3)? [\\d.]+ \\((?:MIT|ISC|Apache-2\\.0)\\)$`, "m"));
  }
  assert.match(told, /Permission is hereby granted, free of charge/);
});
