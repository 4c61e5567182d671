import type { Config } from "../config/config.ts";
import type { PullObserver } from "../pull/pull-event.ts";
import { now } from "./clock.ts";
import { toProxySettings } from "./settings.ts";

export interface Traces {
  readonly observe: PullObserver;
  stop(timeoutMs: number): Promise<void>;
}

/** Loads what sends traces only where somebody takes them. */
export async function openTraces(
  config: Config,
  version: string,
  dropped: (pulls: number) => void,
): Promise<Traces | undefined> {
  const { endpoint, headers } = config.traces;
  if (endpoint === undefined) return undefined;
  const [{ TraceExporter }, { Poster }] = await Promise.all([
    import("../traces/exporter.ts"),
    import("../upstream/post.ts"),
  ]);
  const proxy = config.environmentProxy(endpoint);
  const settings = toProxySettings(config);
  const contentType = "application/json";
  const poster = new Poster({
    url: endpoint,
    headers,
    contentType,
    ...(proxy !== undefined && { proxy }),
    settings,
    now,
  });
  const exporter = new TraceExporter({ post: (body, signal) => poster.post(body, signal), version, dropped });
  return {
    observe: exporter.observe,
    stop: async (timeoutMs) => {
      await exporter.stop(timeoutMs);
      await poster.close();
    },
  };
}
