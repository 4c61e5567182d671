import assert from "node:assert/strict";
import { once, EventEmitter } from "node:events";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { watchFiles } from "../../../src/cli/watch-files.ts";

/** 5 ms between two looks. */
const EVERY_MS = 5;

/** A folder as Kubernetes mounts a ConfigMap: config.yaml -> ..data/config.yaml, ..data -> a folder for each version. */
async function mountConfigMap(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "pullmeter-watch-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  const swap = async (version: string, text: string): Promise<void> => {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, "config.yaml"), text);
    await symlink(version, join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  await swap("..v1", "same");
  await symlink(join("..data", "config.yaml"), file);
  return { file, swap };
}

function watch(t: TestContext, files: () => readonly string[]) {
  const changes = new EventEmitter();
  let count = 0;
  const watched = watchFiles(
    files,
    () => {
      count += 1;
      changes.emit("change");
    },
    EVERY_MS,
  );
  t.after(() => watched.stop());
  // The watch alone keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  return { next: () => once(changes, "change"), count: () => count, accept: () => watched.accept() };
}

test("a swapped symbolic link is a change, though name, size and content of the file are the same", async (t) => {
  const { file, swap } = await mountConfigMap(t);
  const changes = watch(t, () => [file]);
  const changed = changes.next();
  await swap("..v2", "same");
  await changed;
});

test("each of the files is watched, and one that comes to the list is no change by itself", async (t) => {
  const { file } = await mountConfigMap(t);
  const other = `${file}.ca`;
  await writeFile(other, "one");
  const files = [file];
  const looks = new EventEmitter();
  const changes = watch(t, () => {
    looks.emit("look");
    return files;
  });
  files.push(other);
  const changed = changes.next();
  for (let times = 0; times < 4; times += 1) await once(looks, "look");
  assert.equal(changes.count(), 0);
  await writeFile(other, "another");
  await changed;
});

test("what was read already is no change any more", async (t) => {
  const { file } = await mountConfigMap(t);
  const looks = new EventEmitter();
  const changes = watch(t, () => {
    looks.emit("look");
    return [file];
  });
  await writeFile(file, "another");
  changes.accept();
  for (let times = 0; times < 4; times += 1) await once(looks, "look");
  assert.equal(changes.count(), 0);
});

test("a file that goes away is a change, and so is its return", async (t) => {
  const { file } = await mountConfigMap(t);
  const changes = watch(t, () => [file]);
  const gone = changes.next();
  await rename(file, `${file}~`);
  await gone;
  const back = changes.next();
  await writeFile(file, "again");
  await back;
  assert.equal(changes.count(), 2);
});
