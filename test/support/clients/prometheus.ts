import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, removeFolder, runOk, startDaemon } from "./process.ts";
import { programPath, type Release } from "./programs.ts";

export interface Prometheus {
  /** Value of the first series of an instant query. */
  query(expression: string): Promise<string | undefined>;
  /** Exemplars of all series that the expression selects, of the last hour. */
  exemplars(expression: string): Promise<readonly StoredExemplar[]>;
  stop(): Promise<void>;
}

export interface StoredExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timestamp: number;
}

export interface PrometheusOptions {
  readonly release: Release;
  readonly port: number;
  /** Text of a configuration; it scrapes every second instead. */
  readonly config: string;
  /** Names for `--enable-feature`. */
  readonly features?: readonly string[];
}

/** Starts Prometheus on loopback with its data in a folder of its own, and waits until it is ready. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { release, port, config, features = [] } = options;
  const folder = await makeFolder("prom");
  const file = join(folder, "prometheus.yml");
  await mkdir(join(folder, "data"));
  await writeFile(file, config.replace("scrape_interval: 15s", "scrape_interval: 1s\n    scrape_timeout: 1s"));
  await runOk(programPath("promtool", release), ["check", "config", file]);
  const daemon = startDaemon(programPath("prometheus", release), [
    `--config.file=${file}`,
    `--web.listen-address=127.0.0.1:${port}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    ...(features.length === 0 ? [] : [`--enable-feature=${features.join(",")}`]),
  ]);
  const stop = async (): Promise<void> => {
    await daemon.stop();
    await removeFolder(folder);
  };
  await daemon.printed(/Server is ready to receive web requests/).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const ask = async (path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const { status, data, error } = (await answer.json()) as { status: string; data?: unknown; error?: string };
    if (status !== "success") throw new Error(`${path}: ${error}`);
    return data;
  };
  return {
    query: async (query) => {
      const { result } = (await ask("query", { query })) as { result: { value?: [number, string] }[] };
      return result[0]?.value?.[1];
    },
    exemplars: async (query) => {
      const end = Date.now() / 1000;
      const series = (await ask("query_exemplars", { query, start: String(end - 3600), end: String(end) })) as {
        exemplars: StoredExemplar[];
      }[];
      return series.flatMap(({ exemplars }) => exemplars);
    },
    stop,
  };
}
