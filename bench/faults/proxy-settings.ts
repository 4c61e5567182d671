import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ProxyListener, ProxySettings } from "../truth/proxy-process.ts";
import { CA_FILES } from "./raw-server.ts";

const RESOLVER = join(import.meta.dirname, "resolver.ts");

/**
 * Short, so that what waits for them is quick; long enough for a machine that does all cells at once, and for a body that
 * trickles for a second.
 */
const TIMEOUTS = { connect: "5s", header: "3s", stall: "1s", resume: "5s" };

/** The built-in client ends at its first failure: nothing has to be waited for. */
const QUICK_TRACKER = {
  daemonSettle: "500ms",
  processSettle: "500ms",
  keepAliveSettle: "2s",
  failedSettle: "300ms",
  pullRetryWait: "500ms",
  rateLimitedWait: "500ms",
};

/** A registry of the bench, as the program's configuration knows it. */
export interface ServedRegistry {
  readonly host: string;
  /** Where it may redirect to. */
  readonly storageHost: string;
  readonly origin: string;
}

export interface FaultyProxy {
  readonly folder: string;
  readonly listeners: readonly ProxyListener[];
  readonly registries: readonly ServedRegistry[];
  readonly namesPort: number;
  /** The tracker waits as for real clients, which repeat what failed. */
  readonly patient: boolean;
  /** Modules loaded before the program, beside the resolver. */
  readonly preload?: readonly string[];
  /** Further keys of the configuration file. */
  readonly further?: Readonly<Record<string, unknown>>;
}

/** The program as it is shipped, between its clients and the registries of all cells. */
export function proxySettings(proxy: FaultyProxy): ProxySettings {
  const { folder, listeners, registries, namesPort, patient, preload = [], further = {} } = proxy;
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, CA_FILES.map((file) => readFileSync(file, "utf8")).join(""));
  const ofRegistry = ({ host, storageHost, origin }: ServedRegistry): [string, object] => [
    host,
    { upstream: origin, caFile, privateRedirectHosts: [storageHost] },
  ];
  return {
    listeners,
    upstreams: {},
    peerIdentity: "none",
    further: {
      registries: Object.fromEntries(registries.map(ofRegistry)),
      timeouts: TIMEOUTS,
      ...(patient ? {} : { tracker: QUICK_TRACKER }),
      ...further,
    },
    environment: {
      NODE_OPTIONS: [RESOLVER, ...preload].map((file) => `--import ${pathToFileURL(file).href}`).join(" "),
      FAULTS_NAMES_PORT: String(namesPort),
    },
  };
}
