import {
  buildImage,
  buildLayer,
  sha256,
  type Image,
  type Index,
  type Layer,
} from "../../test/support/clients/image.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What a tag can point at: an image, or an index with one image for the platform of this machine. */
export interface Root {
  readonly content: Image | Index;
  readonly digest: string;
  /** What clients on linux/amd64 fetch. */
  readonly image: Image;
}

/** A tag of a repository. With two roots the tag moves between them. */
export interface Tagged {
  readonly repository: string;
  readonly tag: string;
  readonly roots: readonly [Root, ...Root[]];
  /** Needs the credentials of the private registry. */
  readonly private: boolean;
}

/** Layers from which images are put together: with about 20 images each of them is in one to three. */
const SHARED_LAYERS = 26;
/** Bytes. Small layers are common and big ones rare, as in real images; 200 pulls stay below 1 GiB. */
const LAYER_SIZE = { smallest: 100_000, largest: 8_000_000, skew: 1.3 };

/** Builds the tags of one run. Pure: the same seed gives the same digests. */
export function makeImages(seed: number): Tagged[] {
  const random = new SeededRandom(seed, "images");
  const layer = (name: string): Layer => buildLayer({ bytes: layerSize(random), seed: `${seed}/${name}` });
  const shared = Array.from({ length: SHARED_LAYERS }, (_, index) => layer(`shared-${index}`));
  const image = (name: string, layers: number): Image =>
    buildImage({ layers: [...random.sample(shared, layers - 1), layer(name)], label: name });
  const plain = (name: string, layers: number): Root => rootOf(image(name, layers));
  const multi = (name: string, layers: number): Root => indexRoot(`${seed}/${name}`, image(name, layers));
  const someLayers = (most: number): number => random.integer(2, most);

  const tags: Tagged[] = [];
  const add = (repository: string, tag: string, ...roots: [Root, ...Root[]]): void => {
    tags.push({ repository, tag, roots, private: repository.startsWith("priv/") });
  };
  for (let number = 0; number < 8; number += 1) {
    const root = plain(`service-${number}`, someLayers(7));
    add(`lib/service-${number}`, "v1", root);
    if (number === 0) add("lib/service-0", "stable", root); // one digest under two tags
    if (number === 1) add("lib/alias-1", "v1", root); // and under two repositories
  }
  for (const number of [2, 3]) add(`lib/service-${number}`, "v2", plain(`service-${number}-v2`, someLayers(7)));
  add("lib/many", "v1", plain("many", 12));
  add("lib/tiny", "v1", plain("tiny", 1));
  for (const number of [1, 2, 3]) add(`lib/multi-${number}`, "v1", multi(`multi-${number}`, someLayers(5)));
  for (const number of [1, 2]) {
    add(`lib/moving-${number}`, "latest", plain(`moving-${number}-a`, 4), plain(`moving-${number}-b`, 4));
  }
  for (const number of [1, 2]) add(`priv/app-${number}`, "v1", plain(`private-${number}`, someLayers(5)));
  add("priv/multi", "v1", multi("private-multi", 3));
  return tags;
}

function layerSize(random: SeededRandom): number {
  const { smallest, largest, skew } = LAYER_SIZE;
  return Math.round(smallest * (largest / smallest) ** (random.next() ** skew));
}

function rootOf(image: Image): Root {
  return { content: image, digest: image.manifest.digest, image };
}

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** An index as build tools push it: two platforms, and an attestation that no client fetches. */
function indexRoot(seed: string, image: Image): Root {
  const arm = buildImage({
    layers: [buildLayer({ bytes: LAYER_SIZE.smallest, seed: `${seed}/arm64` })],
    architecture: "arm64",
  });
  const attestation = buildImage({
    layers: [buildLayer({ bytes: 2_000, seed: `${seed}/attestation` })],
    architecture: "unknown",
  });
  const manifests = [
    { ...descriptor(image), platform: { architecture: "amd64", os: "linux" } },
    { ...descriptor(arm), platform: { architecture: "arm64", os: "linux" } },
    {
      ...descriptor(attestation),
      platform: { architecture: "unknown", os: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image.manifest.digest,
      },
    },
  ];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const manifest = { mediaType: OCI_INDEX, digest: sha256(bytes), size: bytes.length, bytes };
  const content: Index = { kind: "index", manifest, images: [image, arm, attestation] };
  return { content, digest: manifest.digest, image };
}

function descriptor({ manifest }: Image): { mediaType: string; digest: string; size: number } {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size };
}
