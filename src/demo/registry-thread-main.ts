import { parentPort } from "node:worker_threads";
import { sampleImages, type SampleImage } from "./images.ts";
import type { DemoUpstreams } from "./registry-thread.ts";
import { startDemoRegistry } from "./registry.ts";
import { DEMO_USER } from "./scenario.ts";

const images = sampleImages();

const open = await startDemoRegistry({
  images,
  faults: [
    // Every time: whatever a proxy tries, this image cannot be had.
    { request: blobOf("demo/broken"), action: { kind: "respond", status: 500 } },
    // In the middle of the layer; the rest is short enough to come whole. A proxy that resumes hides it from its client.
    { request: blobOf("demo/flaky"), action: { kind: "cut", afterBytes: 2_000_000 } },
  ],
  throttleBytesPerSecond: 40_000_000,
});
const guarded = await startDemoRegistry({
  images,
  auth: {
    scheme: "bearer",
    users: { [DEMO_USER.username]: DEMO_USER.password },
    privateRepositories: { "team/secret": [DEMO_USER.username] },
  },
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a MessagePort has no origin
parentPort?.postMessage({ open: open.url, guarded: guarded.url } satisfies DemoUpstreams);

/** Matches a GET of the first layer of a repository. */
function blobOf(repository: string): RegExp {
  const image = images.find((candidate): candidate is SampleImage => candidate.repository === repository);
  const layer = image?.blobs.find((blob) => blob.mediaType.includes(".layer."));
  if (!layer) throw new Error(`no sample image ${repository} with a layer`);
  return new RegExp(`^GET /v2/${repository}/blobs/${layer.digest}$`);
}
