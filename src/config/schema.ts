import * as z from "zod";
import { timeouts, tracker } from "./schema-times.ts";
import { auth, tls } from "./schema-protection.ts";
import {
  address,
  baseUrl,
  duration,
  endpointUrl,
  filePath,
  flag,
  headerName,
  hostName,
  integer,
  isolationValue,
  labelValue,
  listenerName,
  metricName,
  proxyUrl,
  registryHost,
  registryPattern,
  share,
} from "./value.ts";

// The one source of every setting's name, type, default and description: the type Settings, flags, environment
// variables, docs/configuration.md and the JSON Schema are made from it. Defaults are written as users write them.

const triggers = ["execution", "warmup"] as const;
const peerIdentities = ["none", "proc"] as const;
const redirects = ["follow", "pass"] as const;
const tokens = ["pass", "relay"] as const;
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

const listener = z.strictObject({
  name: listenerName()
    .optional()
    .describe('Names the listener in logs and metrics. Default: its registry, or "shared" without one.'),
  address: address().describe('Where to listen: HOST:PORT, ":PORT" for every address of the machine, "[IPV6]:PORT".'),
  registry: registryHost()
    .optional()
    .describe(
      "The one registry behind this listener, as images name it (docker.io). Naming it here allows it. Without it, requests say which registry they mean: by `?ns=`, by the `OCI-Namespace` header, or by a path prefix.",
    ),
  isolation: isolationValue().optional().describe("Overrides the general `isolation` for this listener."),
  trigger: z.enum(triggers).optional().describe("Overrides the general `trigger` for this listener."),
  allowPush: flag().optional().describe("Overrides the general `allowPush` for this listener."),
  peerIdentity: z.enum(peerIdentities).optional().describe("Overrides the general `peerIdentity` for this listener."),
  tokens: z
    .enum(tokens)
    .default("pass")
    .describe(
      "`relay`: clients ask pullmeter for bearer tokens, and pullmeter the token service; their credentials pass through it. `pass`: clients ask the token service. See docs/operations.md.",
    ),
  tls: tls.describe(
    "Serves HTTPS (TLS 1.2 and 1.3) with `certFile` and `keyFile`; with `clientCaFile` only clients that have a certificate. Default: plain HTTP. See docs/operations.md.",
  ),
  auth: auth.describe(
    "Who may use the listener: users of `basicFile`, tokens of `bearerFile`, or either. Default: whoever can connect. See docs/operations.md.",
  ),
  allowCleartextTokens: flag()
    .default(false)
    .describe(
      "With `tokens: relay` passwords of clients come in; without `tls` such a listener must be on loopback, unless this says that the network may read them.",
    ),
});

const registry = z.strictObject({
  upstream: baseUrl()
    .optional()
    .describe(
      "Where to connect. Default: https:// and the registry itself; for docker.io https://registry-1.docker.io.",
    ),
  caFile: filePath()
    .optional()
    .describe("PEM file of certificates to trust beside the system's. Relative to the configuration file."),
  proxy: proxyUrl()
    .optional()
    .describe(
      'HTTP proxy through which to connect, or "none". Default: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment say for the upstream.',
    ),
  redirects: z
    .enum(redirects)
    .default("follow")
    .describe(
      "`follow`: blob redirects are followed inside the proxy, so that the whole pull is seen. `pass`: clients get them.",
    ),
  allowPrivateAddresses: flag()
    .optional()
    .describe(
      "The registry may resolve to private, loopback and other addresses that are not public. Default: true if `upstream` is set, else false.",
    ),
  privateRedirectHosts: z
    .array(hostName(), { error: "not a list; expected a list of hosts" })
    .default([])
    .describe(
      "Hosts, without port, to which redirects may lead although their addresses are not public: the blob store beside a private registry. The registry's own host needs no entry.",
    ),
  verifyBlobs: share().optional().describe("Overrides the general `verifyBlobs` for this registry."),
  tokens: z
    .enum(tokens)
    .default("pass")
    .describe("`relay`: as that of a listener, for this registry on every listener."),
  tokenHosts: z
    .array(hostName(), { error: "not a list; expected a list of hosts" })
    .default([])
    .describe(
      "Hosts, without port, to which `tokens: relay` may send credentials beside those in the registry's own registrable domain. As private as the registry may be.",
    ),
});

/** 5000 is the port that registries and their mirrors use by convention; the rest follow it. */
export const DEFAULT_LISTENERS = [
  { address: "127.0.0.1:5000" },
  { address: "127.0.0.1:5001", registry: "docker.io" },
  { address: "127.0.0.1:5002", registry: "ghcr.io" },
  { address: "127.0.0.1:5003", registry: "quay.io" },
  { address: "127.0.0.1:5004", registry: "gcr.io" },
  { address: "127.0.0.1:5005", registry: "registry.k8s.io" },
  { address: "127.0.0.1:5006", registry: "mcr.microsoft.com" },
];

const admin = z.strictObject({
  address: address()
    .prefault("127.0.0.1:9090")
    .describe("Where /metrics, /livez, /readyz, /healthz and /api/pulls are served; never on a proxy listener."),
  finishedPullsKept: integer(0, 100_000)
    .default(100)
    .describe("How many finished pulls /api/pulls remembers. About 10 KiB each."),
  linger: duration(0)
    .prefault("0s")
    .describe(
      "How long /metrics stays after draining, until it was scraped once more: at least the time between two scrapes.",
    ),
  tls: tls.describe("Serves HTTPS, as that of a listener. With `clientCaFile` probes need a certificate too."),
  auth: auth.describe("Who may see it, as that of a listener; /livez, /readyz and /healthz are open to probes."),
});

const metrics = z.strictObject({
  originName: metricName()
    .default("buildbuddy_remote_execution_image_fetch_duration_usec")
    .describe(
      'Name of the histogram in microseconds that merges with the one of remote execution\'s executors; "none" leaves it out.',
    ),
});

const traces = z.strictObject({
  endpoint: endpointUrl()
    .optional()
    .describe(
      "Where finished pulls are sent as spans, by OTLP over HTTP in JSON: http://127.0.0.1:4318/v1/traces. Default: nowhere.",
    ),
  headersFile: filePath()
    .optional()
    .describe(
      "File of headers to send there, one `NAME: VALUE` on each line, such as an API key. Relative to the configuration file.",
    ),
});

const push = z.strictObject({
  url: endpointUrl()
    .optional()
    .describe(
      "Pushgateway that gets the metrics when the process ends, such as http://pushgateway.example.com:9091: for pods that live shorter than the time between two scrapes. Default: none.",
    ),
  headersFile: filePath()
    .optional()
    .describe(
      "File of headers to send there, one `NAME: VALUE` on each line, such as Authorization. Relative to the configuration file.",
    ),
  job: labelValue().default("pullmeter").describe("Label `job` of what is pushed."),
  instance: labelValue()
    .optional()
    .describe("Label `instance` of what is pushed. Default: the name of the host, which in a pod is the pod's."),
});

const headers = z.strictObject({
  isolation: headerName()
    .prefault("x-pullmeter-isolation")
    .describe("Request header that sets `isolation` for one request. Taken off before forwarding."),
  trigger: headerName()
    .prefault("x-pullmeter-trigger")
    .describe("Request header that sets `trigger` for one request. Taken off before forwarding."),
});

const limits = z.strictObject({
  headerBytes: integer(8192, 1_048_576)
    .default(65_536)
    .describe(
      "Largest head of a request or a response, in bytes; beyond it a client gets a 431. Bearer tokens make heads large.",
    ),
  connections: integer(1, 1_000_000)
    .default(10_000)
    .describe(
      "Most connections of clients on all listeners together. Beyond it the one that is idle longest is closed, or if none is idle, the new one gets a 503. Twice the 5,000 idle ones that a busy node's clients keep at worst; an idle one takes a file descriptor and 11 KiB, with TLS 60 KiB.",
    ),
  transfers: integer(1, 1_000_000)
    .default(2_000)
    .describe(
      "Most requests that are handled at once; beyond it a client gets a 503 and `Retry-After`. Twice 1,000 concurrent downloads; each takes two file descriptors, and 100 KiB when its client does not read, with TLS 300 KiB.",
    ),
});

const log = z.strictObject({
  level: z
    .enum(LOG_LEVELS)
    .default("info")
    .describe("Least severe level that is logged. Finished pulls are logged at info."),
});

export const settingsSchema = z
  .strictObject({
    listeners: z
      .array(listener, { error: "not a list; expected a list of listeners, each with an address" })
      .min(1, { error: "empty; expected at least one listener" })
      .prefault(DEFAULT_LISTENERS)
      .describe(
        "Where clients are served, one entry for each address. Default: one for registries that requests name on 127.0.0.1:5000, and one each for docker.io, ghcr.io, quay.io, gcr.io, registry.k8s.io and mcr.microsoft.com on the following ports.",
      ),
    isolation: isolationValue()
      .optional()
      .describe("Label `isolation` of every pull that no header and no listener names. Default: the client's family."),
    trigger: z
      .enum(triggers)
      .optional()
      .describe("Label `trigger` of every pull that no header and no listener names. Default: execution."),
    allowPush: flag()
      .default(false)
      .describe("Methods other than GET and HEAD are forwarded, so that clients can push."),
    verifyBlobs: share()
      .default(0)
      .describe(
        "Share of blobs, 0 to 1, whose SHA-256 is compared with their digest in a thread of its own. That takes more CPU time than the transfer itself (docs/benchmarks.md). Clients do it anyway: this tells operators which registry serves wrong bytes.",
      ),
    peerIdentity: z
      .enum(peerIdentities)
      .default("none")
      .describe(
        "`proc` tells processes on the same host apart by their process id, found in /proc. Needs the right to read other processes' descriptors.",
      ),
    workers: integer(1, 64)
      .default(1)
      .describe(
        "Processes that serve clients, for a node whose pulls need more than one core; with more than one, another puts what they see together. `limits` are shared out among them. Not with `tokens: relay`. See docs/operations.md.",
      ),
    registries: z
      .record(z.string(), registry, { error: "not a mapping; expected registries by host" })
      .prefault({})
      .describe("Settings of single registries, by host[:port] as images name them. Naming a registry here allows it."),
    allowRegistries: z
      .array(registryPattern(), { error: "not a list; expected a list of patterns" })
      .default([])
      .describe(
        'Registries that may be reached beside those of `registries`, `listeners` and the built-in list: hosts with "*" for exactly one label; "*" alone is every registry.',
      ),
    wellKnownRegistries: flag().default(true).describe("The built-in list of public registries may be reached."),
    admin: admin.prefault({}).describe("The listener for people and machines that watch."),
    metrics: metrics.prefault({}).describe("What /metrics tells."),
    traces: traces.prefault({}).describe("Pulls as traces."),
    push: push.prefault({}).describe("Metrics of what ends before it can be scraped."),
    headers: headers.prefault({}).describe("Request headers with a meaning of their own."),
    timeouts: timeouts.prefault({}).describe("How long to wait for what."),
    tracker: tracker
      .prefault({})
      .describe("When a pull counts as over. Waiting never changes the value that is observed."),
    limits: limits.prefault({}).describe("Bounds of what clients can ask for."),
    log: log.prefault({}).describe("Lines on standard error, in JSON."),
  })
  .describe("Configuration of pullmeter.");

type DeepReadonly<Value> = Value extends URL
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value;

/** Every setting after defaults were filled in. Durations are milliseconds. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;

/** The JSON Schema of the configuration file, as users write it. */
export function settingsJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(settingsSchema, { io: "input" });
}
