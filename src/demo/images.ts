import { toJsonContent, type Content } from "./content.ts";
import { buildLayer, type Layer } from "./layer.ts";

/** One image as a registry holds it. */
export interface SampleImage {
  readonly repository: string;
  /** Absent: reachable by digest only. */
  readonly tag?: string;
  /** Manifest or index that the tag names. */
  readonly root: Content;
  /** The root and, for an index, its children. */
  readonly manifests: readonly Content[];
  /** Configs and layers. */
  readonly blobs: readonly Content[];
}

export interface ImageDescription {
  readonly repository: string;
  readonly tag?: string;
  readonly layers: readonly Layer[];
  /** Default: amd64. */
  readonly architecture?: string;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";

/** An image with one manifest. https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md */
export function buildImage(description: ImageDescription): SampleImage {
  const { repository, tag, layers, architecture = "amd64" } = description;
  const imageConfig = toJsonContent(IMAGE_CONFIG, {
    created: "2026-01-01T00:00:00Z",
    architecture,
    os: "linux",
    config: { Labels: { "org.opencontainers.image.title": repository } },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: "2026-01-01T00:00:00Z", created_by: "pullmeter demo" })),
  });
  const root = toJsonContent(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: toDescriptor(imageConfig),
    layers: layers.map(toDescriptor),
  });
  return { repository, ...(tag && { tag }), root, manifests: [root], blobs: [imageConfig, ...layers] };
}

/**
 * An index over one image per architecture, and beside the first an attestation for platform `unknown/unknown`, as
 * BuildKit makes it. https://docs.docker.com/build/metadata/attestations/attestation-storage/
 */
export function buildIndex(
  repository: string,
  tag: string,
  children: ReadonlyMap<string, readonly Layer[]>,
): SampleImage {
  const images = [...children].map(([architecture, layers]) => ({
    platform: { architecture, os: "linux" },
    image: buildImage({ repository, layers, architecture }),
  }));
  const attestation = buildAttestation(repository);
  const root = toJsonContent(INDEX, {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [
      ...images.map(({ platform, image }) => ({ ...toDescriptor(image.root), platform })),
      {
        ...toDescriptor(attestation.root),
        platform: { architecture: "unknown", os: "unknown" },
        annotations: {
          "vnd.docker.reference.digest": images[0]?.image.root.digest,
          "vnd.docker.reference.type": "attestation-manifest",
        },
      },
    ],
  });
  const all = [...images.map(({ image }) => image), attestation];
  return {
    repository,
    tag,
    root,
    manifests: [root, ...all.map((image) => image.root)],
    blobs: all.flatMap((image) => image.blobs),
  };
}

function buildAttestation(repository: string): SampleImage {
  const statement = toJsonContent("application/vnd.in-toto+json", {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
    subject: [],
  });
  const imageConfig = toJsonContent(IMAGE_CONFIG, {
    architecture: "unknown",
    os: "unknown",
    rootfs: { type: "layers", diff_ids: [statement.digest] },
  });
  const root = toJsonContent(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: toDescriptor(imageConfig),
    layers: [toDescriptor(statement)],
  });
  return { repository, root, manifests: [root], blobs: [imageConfig, statement] };
}

/** An artifact that refers to `subject`: what the referrers endpoint lists. */
export function buildReferrer(subject: SampleImage, artifactType: string): SampleImage {
  const empty = toJsonContent("application/vnd.oci.empty.v1+json", {});
  const root = toJsonContent(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType,
    config: toDescriptor(empty),
    layers: [toDescriptor(empty)],
    subject: toDescriptor(subject.root),
  });
  return { repository: subject.repository, root, manifests: [root], blobs: [empty] };
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The images of the demo and of the tests: about 20 MiB. */
export function sampleImages(): SampleImage[] {
  const base = buildLayer("base", 3 * MIB);
  const runtime = buildLayer("runtime", 8 * MIB);
  const libraries = buildLayer("libraries", MIB);
  const app = buildImage({
    repository: "demo/app",
    tag: "v1",
    layers: [base, runtime, libraries, buildLayer("app-v1", 300 * KIB)],
  });
  return [
    app,
    buildImage({
      repository: "demo/app",
      tag: "v2",
      layers: [base, runtime, libraries, buildLayer("app-v2", 320 * KIB)],
    }),
    buildImage({ repository: "demo/other", tag: "v1", layers: [base, runtime, buildLayer("other", 200 * KIB)] }),
    buildIndex(
      "demo/multi",
      "v1",
      new Map([
        ["amd64", [buildLayer("multi-amd64-1", 600 * KIB), buildLayer("multi-amd64-2", 100 * KIB)]],
        ["arm64", [buildLayer("multi-arm64-1", 600 * KIB), buildLayer("multi-arm64-2", 100 * KIB)]],
      ]),
    ),
    buildImage({ repository: "demo/flaky", tag: "v1", layers: [buildLayer("flaky", 3 * MIB)] }),
    buildImage({ repository: "demo/broken", tag: "v1", layers: [buildLayer("broken", 100 * KIB)] }),
    buildImage({ repository: "team/tools", tag: "v1", layers: [buildLayer("tools", 500 * KIB)] }),
    buildImage({ repository: "team/secret", tag: "v1", layers: [buildLayer("secret", 400 * KIB)] }),
    buildReferrer(app, "application/vnd.example.sbom.v1+json"),
  ];
}

function toDescriptor(content: Content): { mediaType: string; digest: string; size: number } {
  return { mediaType: content.mediaType, digest: content.digest, size: content.bytes.length };
}
