import type { Content } from "./content.ts";
import type { SampleImage } from "./images.ts";

interface Repository {
  readonly tags: Map<string, Content>;
  readonly manifests: Map<string, Content>;
  readonly blobs: Map<string, Content>;
}

/** What a registry holds, by repository: content is found only where an image refers to it. */
export class Catalog {
  readonly #repositories = new Map<string, Repository>();

  constructor(images: readonly SampleImage[]) {
    for (const image of images) this.#add(image);
  }

  repositories(): string[] {
    return [...this.#repositories.keys()].toSorted(byCodePoint);
  }

  /** Undefined: there is no such repository. */
  tags(repository: string): string[] | undefined {
    const tags = this.#repositories.get(repository)?.tags;
    return tags && [...tags.keys()].toSorted(byCodePoint);
  }

  manifest(repository: string, reference: string): Content | undefined {
    const found = this.#repositories.get(repository);
    return found?.tags.get(reference) ?? found?.manifests.get(reference);
  }

  blob(repository: string, digest: string): Content | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  /** Finds a blob in any repository: object storage behind a registry knows no repositories. */
  storedBlob(digest: string): Content | undefined {
    for (const { blobs } of this.#repositories.values()) {
      const blob = blobs.get(digest);
      if (blob) return blob;
    }
    return undefined;
  }

  /** Manifests whose `subject` is `digest`, with the artifact type of each. */
  referrers(repository: string, digest: string): { content: Content; artifactType: string }[] {
    const manifests = this.#repositories.get(repository)?.manifests.values() ?? [];
    return [...manifests].flatMap((content) => {
      const referrer = readReferrer(content);
      return referrer?.subject === digest ? [{ content, artifactType: referrer.artifactType }] : [];
    });
  }

  #add(image: SampleImage): void {
    const repository = this.#repositories.get(image.repository) ?? {
      tags: new Map<string, Content>(),
      manifests: new Map<string, Content>(),
      blobs: new Map<string, Content>(),
    };
    this.#repositories.set(image.repository, repository);
    if (image.tag !== undefined) repository.tags.set(image.tag, image.root);
    for (const manifest of image.manifests) repository.manifests.set(manifest.digest, manifest);
    for (const blob of image.blobs) repository.blobs.set(blob.digest, blob);
  }
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags: "lexical" (ASCIIbetical) order
function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function readReferrer(content: Content): { subject: string; artifactType: string } | undefined {
  const json: unknown = JSON.parse(content.bytes.toString());
  if (typeof json !== "object" || json === null || !("subject" in json)) return undefined;
  const { subject } = json;
  if (typeof subject !== "object" || subject === null || !("digest" in subject)) return undefined;
  const artifactType = "artifactType" in json ? json.artifactType : "";
  if (typeof subject.digest !== "string" || typeof artifactType !== "string") return undefined;
  return { subject: subject.digest, artifactType };
}
