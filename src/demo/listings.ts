import type { Catalog } from "./catalog.ts";
import { sendError, sendJson, type Exchange } from "./respond.ts";

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
export async function sendTags(
  exchange: Exchange,
  catalog: Catalog,
  repository: string,
  query: URLSearchParams,
): Promise<void> {
  const all = catalog.tags(repository);
  if (!all) return sendError(exchange, "NAME_UNKNOWN", `there is no repository ${repository}`);
  const tags = takePage(exchange, all, query, `/v2/${repository}/tags/list`);
  await sendJson(exchange, "application/json", { name: repository, tags });
}

// https://distribution.github.io/distribution/spec/api/#listing-repositories; not in the OCI specification
export async function sendCatalog(exchange: Exchange, catalog: Catalog, query: URLSearchParams): Promise<void> {
  const repositories = takePage(exchange, catalog.repositories(), query, "/v2/_catalog");
  await sendJson(exchange, "application/json", { repositories });
}

// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
export async function sendReferrers(
  exchange: Exchange,
  catalog: Catalog,
  { repository, digest, query }: { repository: string; digest: string; query: URLSearchParams },
): Promise<void> {
  const artifactType = query.get("artifactType");
  if (artifactType !== null) exchange.response.setHeader("OCI-Filters-Applied", "artifactType");
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = catalog
    .referrers(repository, digest)
    .filter((referrer) => artifactType === null || referrer.artifactType === artifactType)
    .map(({ content, artifactType: type }) => ({
      mediaType: content.mediaType,
      digest: content.digest,
      size: content.bytes.length,
      artifactType: type,
    }));
  await sendJson(exchange, mediaType, { schemaVersion: 2, mediaType, manifests });
}

/** The entries after `last`, at most `n`; sets a Link header if there are more (RFC 8288). */
function takePage(exchange: Exchange, entries: readonly string[], query: URLSearchParams, path: string): string[] {
  const last = query.get("last") ?? "";
  const limit = /^\d+$/.test(query.get("n") ?? "") ? Number(query.get("n")) : Infinity;
  const rest = entries.filter((entry) => entry > last);
  const page = rest.slice(0, limit);
  const end = page.at(-1);
  if (page.length < rest.length && end !== undefined) {
    const next = new URLSearchParams({ n: String(limit), last: end });
    exchange.response.setHeader("Link", `<${path}?${next.toString()}>; rel="next"`);
  }
  return page;
}
