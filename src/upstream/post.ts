import { UpstreamClient } from "./upstream-client.ts";
import { toUpstreamError } from "./upstream-error.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

export interface PosterOptions {
  /** Named by the configuration, so that its address may be private. */
  readonly url: URL;
  /** Names and values alternate. */
  readonly headers: readonly string[];
  readonly contentType: string;
  readonly proxy?: URL;
  readonly settings: UpstreamSettings;
  readonly now: () => number;
}

/** Posts bodies to one URL of the configuration, over connections like those to registries. */
export class Poster {
  readonly #options: PosterOptions;
  readonly #client: UpstreamClient;

  constructor(options: PosterOptions) {
    this.#options = options;
    this.#client = new UpstreamClient(options);
  }

  /** Resolves with the status; rejects with an UpstreamError. Redirects are not followed. */
  async post(body: string, signal: AbortSignal): Promise<number> {
    const { url, headers, contentType, proxy } = this.#options;
    const upstream = {
      registry: url.host,
      origin: new URL(url.origin),
      ...(proxy !== undefined && { proxy }),
      redirects: "pass",
      allowPrivateAddresses: true,
    } as const;
    const aborted = new AbortController();
    const abort = (): void => aborted.abort(toUpstreamError(signal.reason, url.host));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const response = await this.#client.fetch(upstream, {
        method: "POST",
        path: `${url.pathname}${url.search}`,
        headers: ["Content-Type", contentType, ...headers],
        body: Buffer.from(body),
        redirects: "pass",
        delivery: "whole",
        signal: aborted.signal,
        onExchange: () => {},
      });
      response.body.discard();
      return response.status;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
