import type { Blob, Image, Index } from "./image.ts";

/** Gives the Authorization header for a push, where the registry wants one. */
export interface PushTarget {
  /** "http://127.0.0.1:5000" */
  readonly url: string;
  readonly repository: string;
  readonly authorization?: string | undefined;
}

/**
 * Uploads an image or index and gives it a tag. Content that is there already is not sent again.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#push
 */
export async function pushImage(target: PushTarget, tag: string, content: Image | Index): Promise<void> {
  const images = content.kind === "index" ? content.images : [content];
  for (const image of images) {
    for (const blob of [...image.layers, image.config]) await pushBlob(target, blob);
    await putManifest(target, image.manifest.digest, image.manifest);
  }
  await putManifest(target, tag, content.manifest);
}

async function pushBlob(target: PushTarget, blob: Blob): Promise<void> {
  const repository = `${target.url}/v2/${target.repository}`;
  const found = await request(target, "HEAD", `${repository}/blobs/${blob.digest}`);
  if (found.status === 200) return;
  const upload = await request(target, "POST", `${repository}/blobs/uploads/`);
  expect(upload, 202);
  const location = new URL(upload.headers.get("location") ?? "", target.url);
  location.searchParams.set("digest", blob.digest);
  expect(await request(target, "PUT", location.href, blob), 201);
}

async function putManifest(target: PushTarget, reference: string, manifest: Blob): Promise<void> {
  expect(await request(target, "PUT", `${target.url}/v2/${target.repository}/manifests/${reference}`, manifest), 201);
}

async function request(target: PushTarget, method: string, url: string, body?: Blob): Promise<Response> {
  const headers: Record<string, string> = {};
  if (target.authorization !== undefined) headers["authorization"] = target.authorization;
  if (body && url.includes("/manifests/")) headers["content-type"] = body.mediaType;
  if (body && !url.includes("/manifests/")) headers["content-type"] = "application/octet-stream";
  const response = await fetch(url, { method, headers, ...(body ? { body: new Uint8Array(body.bytes) } : {}) });
  if (method !== "HEAD") await response.arrayBuffer();
  return response;
}

function expect(response: Response, status: number): void {
  if (response.status !== status) throw new Error(`push: ${response.url} answered ${response.status}, not ${status}`);
}
