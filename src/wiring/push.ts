import { hostname as machineName } from "node:os";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log/logger.ts";
import type { Expose } from "../metrics/exposition.ts";
import { PUSHED_FORMAT, pushMetrics, pushUrl } from "../metrics/push.ts";
import { now } from "./clock.ts";
import { toProxySettings } from "./settings.ts";

export interface Push {
  readonly expose: Expose;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

/** Tells a Pushgateway, if there is one, how it ended. */
export async function push(config: Config, { expose, logger, timeoutMs }: Push): Promise<void> {
  const { url: base, headers, job, instance = machineName() } = config.push;
  if (base === undefined) return;
  const url = pushUrl(base, { job, instance });
  const proxy = config.environmentProxy(url);
  const { Poster } = await import("../upstream/post.ts");
  const poster = new Poster({
    url,
    headers,
    contentType: PUSHED_FORMAT,
    ...(proxy !== undefined && { proxy }),
    settings: toProxySettings(config),
    now,
  });
  const post = (body: string, signal: AbortSignal): Promise<number> => poster.post(body, signal);
  const problem = await pushMetrics({ expose, post, timeoutMs });
  await poster.close();
  const fields = { host: url.host, job, instance };
  if (problem === undefined) logger.info("metrics pushed", fields);
  else logger.error("metrics not pushed", { ...fields, detail: problem });
}
