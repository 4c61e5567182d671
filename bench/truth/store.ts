import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Digests of the layers (and of other content) in a client's store, read from its files while the client works. */
export type ReadStore = () => ReadonlySet<string>;

/**
 * containers/storage keeps a list of layers with the digest each had in transit.
 * https://github.com/containers/storage/blob/main/layers.go, `Layer`
 */
export function containersStorage(folder: string): ReadStore {
  const list = findFolder(folder, "overlay-layers");
  return () => {
    const digests = new Set<string>();
    // Known only once the first image is there; the volatile list exists from podman 4.4.
    for (const file of ["layers.json", "volatile-layers.json"]) {
      for (const layer of readLayers(join(list(), file))) digests.add(layer["compressed-diff-digest"] ?? "");
    }
    return digests;
  };
}

/** containerd's content store: one file for each blob, named by its digest. */
export function containerdContent(folder: string): ReadStore {
  const content = findFolder(folder, "io.containerd.content.v1.content");
  return () => {
    try {
      return new Set(readdirSync(join(content(), "blobs", "sha256")).map((hex) => `sha256:${hex}`));
    } catch {
      return new Set(); // made with the first blob
    }
  };
}

function readLayers(file: string): { "compressed-diff-digest"?: string }[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { "compressed-diff-digest"?: string }[];
  } catch {
    return []; // not there yet
  }
}

/** Clients choose where in their folder the store is: looks for it until it is there. */
function findFolder(root: string, name: string): () => string {
  let found: string | undefined;
  return () => {
    found ??= search(root, name, 2);
    return found ?? join(root, name);
  };
}

function search(folder: string, name: string, depth: number): string | undefined {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (folders.some((entry) => entry.name === name)) return join(folder, name);
  if (depth === 0) return undefined;
  for (const entry of folders) {
    const found = search(join(folder, entry.name), name, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
