import { BlockList, isIP } from "node:net";
import { parseHttpUrl } from "./http-url.ts";

/** The proxy that the environment names for an upstream. Undefined: connect directly. */
export type EnvironmentProxy = (origin: URL) => URL | undefined;

/** Reads a proxy's URL; the scheme may be left out, as curl and Go allow. Undefined if it is none. */
export function parseProxyVariable(text: string): URL | undefined {
  return parseHttpUrl(text.includes("://") ? text : `http://${text}`, { userInfo: true });
}

/**
 * Decides as Go's net/http does, which clients of registries are written in: HTTPS_PROXY for https, HTTP_PROXY for
 * http, never for this machine itself, never for what NO_PROXY lists.
 * https://pkg.go.dev/golang.org/x/net@v0.35.0/http/httpproxy#Config
 */
export function createEnvironmentProxy(variables: {
  readonly httpsProxy?: URL | undefined;
  readonly httpProxy?: URL | undefined;
  readonly noProxy: string;
}): EnvironmentProxy {
  const exceptions = variables.noProxy
    .split(",")
    .map((entry) => parseException(entry.trim().toLowerCase()))
    .filter((exception) => exception !== undefined);
  return (origin) => {
    const proxy = origin.protocol === "https:" ? variables.httpsProxy : variables.httpProxy;
    if (proxy === undefined || isThisMachine(origin.hostname)) return undefined;
    return exceptions.some((isException) => isException(origin)) ? undefined : proxy;
  };
}

type Exception = (origin: URL) => boolean;

function parseException(entry: string): Exception | undefined {
  if (entry === "") return undefined;
  if (entry === "*") return () => true;
  return parseNetwork(entry) ?? parseHost(entry);
}

/** `10.0.0.0/8`, or a single address. */
function parseNetwork(entry: string): Exception | undefined {
  const [address = "", prefix] = entry.split("/");
  const family = familyOf(address);
  if (family === undefined) return undefined;
  const bits = prefix === undefined ? (family === "ipv4" ? 32 : 128) : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === "ipv4" ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, bits, family);
  return (origin) => {
    const host = unbracket(origin.hostname);
    const hostFamily = familyOf(host);
    return hostFamily !== undefined && network.check(host, hostFamily);
  };
}

/** `example.com` is the host and those below it, `.example.com` and `*.example.com` only those below; a port may follow. */
function parseHost(entry: string): Exception {
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\*\./, ".")) ?? [];
  const suffix = name.startsWith(".") ? name : `.${name}`;
  return (origin) => {
    const host = unbracket(origin.hostname);
    if (port !== undefined && port !== portOf(origin)) return false;
    return host === name || unbracket(name) === host || host.endsWith(suffix);
  };
}

function portOf(origin: URL): string {
  if (origin.port !== "") return origin.port;
  return origin.protocol === "https:" ? "443" : "80";
}

function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function familyOf(host: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(host);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}

function unbracket(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}
