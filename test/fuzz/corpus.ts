import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "..", "fixtures", "corpus");

function fileOf(target: string): string {
  return join(FOLDER, `${target}.json`);
}

/** Texts that a parser has met: usual ones, and every one that ever broke a promise. */
export function readCorpus(target: string): readonly string[] {
  return existsSync(fileOf(target)) ? (JSON.parse(readFileSync(fileOf(target), "utf8")) as string[]) : [];
}

export function addToCorpus(target: string, text: string): void {
  const corpus = readCorpus(target);
  if (corpus.includes(text)) return;
  writeFileSync(fileOf(target), `${JSON.stringify([...corpus, text], undefined, 2)}\n`);
}
