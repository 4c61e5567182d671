import type { IncomingMessage } from "node:http";
import { splitScope } from "../oci/token-scope.ts";
import { readCredentialEvidence } from "../pull/credentials.ts";
import { headerValue } from "../upstream/raw-headers.ts";

/** A client's request for a token: https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/ */
export interface TokenQuestion {
  readonly method: "GET" | "POST";
  /** `name=value&…` as it came: the query of a GET, the body of a POST. */
  readonly form: string;
  /** The credentials in it as an `Authorization`; empty if there are none that fit into one. Never to be shown. */
  readonly authorization: string;
  /** The client shows who it is. */
  readonly hasCredentials: boolean;
}

/** 64 KiB: refresh tokens of some services have several KiB. */
const MAX_FORM_BYTES = 65_536;

/** Undefined if this is no request for a token: another method, or a body without end. */
export async function readTokenQuestion(request: IncomingMessage): Promise<TokenQuestion | undefined> {
  const [, query = ""] = /\?(.*)$/s.exec(request.url ?? "") ?? [];
  if (request.method === "GET") {
    const authorization = headerValue(request.rawHeaders, "authorization") ?? "";
    const hasCredentials = readCredentialEvidence(authorization) === "basic";
    return { method: "GET", form: query, authorization: hasCredentials ? authorization : "", hasCredentials };
  }
  const form = request.method === "POST" ? await readBody(request) : undefined;
  if (form === undefined) return undefined;
  const user = valueIn(form, "username") ?? "";
  const password = valueIn(form, "password") ?? "";
  const isPassword = user !== "" || password !== "";
  return {
    method: "POST",
    form,
    authorization: isPassword ? `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` : "",
    hasCredentials: isPassword || (valueIn(form, "refresh_token") ?? "") !== "",
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) return undefined;
    bytes += chunk.length;
    if (bytes > MAX_FORM_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("latin1");
}

/** What is asked for of one registry, its name taken off the scopes. */
export interface NamedQuestion {
  readonly registry: string;
  readonly form: string;
}

/** Reads the registry off the scopes. Undefined if they name none, or several. */
export function takeRegistry(form: string): NamedQuestion | undefined {
  const registries = new Set<string>();
  const pairs = form.split("&").map((pair) => {
    if (nameOf(pair) !== "scope") return pair;
    const split = (decode(pair.slice(pair.indexOf("=") + 1)) ?? "").split(" ").map(splitScope);
    for (const part of split) registries.add(part?.registry.toLowerCase() ?? "");
    return `scope=${encodeURIComponent(split.map((part) => part?.scope ?? "").join(" "))}`;
  });
  const [registry] = registries;
  return registries.size === 1 && registry ? { registry, form: pairs.join("&") } : undefined;
}

/** Names the registry's own service instead of the one that the client was told. */
export function withService(form: string, service: string | undefined): string {
  const kept = form.split("&").filter((pair) => nameOf(pair) !== "service");
  return [...kept, ...(service === undefined ? [] : [`service=${encodeURIComponent(service)}`])].join("&");
}

/** The repository that the first scope names. */
export function repositoryIn(form: string): string | undefined {
  return /^repository(?:\([^)]*\))?:(.+):[^:]*$/.exec(valueIn(form, "scope")?.split(" ")[0] ?? "")?.[1];
}

function valueIn(form: string, name: string): string | undefined {
  const pair = form.split("&").find((candidate) => nameOf(candidate) === name);
  return pair === undefined ? undefined : decode(pair.slice(name.length + 1));
}

function nameOf(pair: string): string {
  return pair.split("=", 1)[0] ?? "";
}

// https://url.spec.whatwg.org/#urlencoded-parsing
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
