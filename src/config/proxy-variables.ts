import { createEnvironmentProxy, parseProxyVariable, type EnvironmentProxy } from "./environment-proxy.ts";
import { formatFound, type Problem } from "./problem.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Sorts problems of the environment behind all lines of the file; those of flags come after them. */
export const ENVIRONMENT_ORDER = Number.MAX_SAFE_INTEGER - 1;

/** What is wrong in the environment is told beside what could be read. */
export function readProxyVariables(environment: Environment): {
  readonly environmentProxy: EnvironmentProxy;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const read = (...names: readonly string[]): URL | undefined => {
    const where = names.find((name) => (environment[name] ?? "") !== "");
    if (where === undefined) return undefined;
    const text = environment[where] ?? "";
    const proxy = parseProxyVariable(text);
    const message = `not a proxy; expected http://[USER:PASSWORD@]HOST[:PORT] (got ${formatFound(text)})`;
    if (proxy === undefined) problems.push({ where, order: ENVIRONMENT_ORDER, path: [], message });
    return proxy;
  };
  const httpsProxy = read("HTTPS_PROXY", "https_proxy");
  const httpProxy = read("HTTP_PROXY", "http_proxy");
  const noProxy = environment["NO_PROXY"] ?? environment["no_proxy"] ?? "";
  return { environmentProxy: createEnvironmentProxy({ httpsProxy, httpProxy, noProxy }), problems };
}
