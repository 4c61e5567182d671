import { decodeBody } from "./manifest-body.ts";
import type { ClientRequest, DataPlane } from "./handle-request.ts";
import type { RefusalReason } from "../pull/transfer-event.ts";
import type { UpstreamResponse } from "../upstream/exchange.ts";
import { headerValue } from "../upstream/raw-headers.ts";
import { tokenUpstream, type RegistryAuth } from "../upstream/token-realm.ts";
import { toUpstreamError, UpstreamError } from "../upstream/upstream-error.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { failureResponse, refusalResponse, type OwnResponse } from "./error-response.ts";
import { forwardRequestHeaders, forwardResponseHeaders, hasCleanFraming } from "./headers.ts";
import { OVERLOADED } from "./refusal.ts";
import { SEALED_TOKEN_SECONDS } from "./sealed-token.ts";
import type { Head } from "./transfer.ts";
import { Transfer } from "./transfer.ts";
import {
  readTokenQuestion,
  repositoryIn,
  takeRegistry,
  withService,
  type NamedQuestion,
  type TokenQuestion,
} from "./token-question.ts";
import { TOKEN_PATH, type TokenRelay } from "./token-relay.ts";

/** Everything that one request for a token needs. */
interface Asked {
  readonly plane: DataPlane;
  readonly relay: TokenRelay;
  readonly client: ClientRequest;
  /** Not observed: a token is no part of an image. It ends with the client's connection, and drains with it. */
  readonly transfer: Transfer;
}

export function isTokenRequest(url: string): boolean {
  return url.startsWith(TOKEN_PATH) && (url.length === TOKEN_PATH.length || /[/?]/.test(url.charAt(TOKEN_PATH.length)));
}

/** Answers a request for a token with what the registry's own token service says. Never rejects. */
export async function answerTokenRequest(plane: DataPlane, relay: TokenRelay, client: ClientRequest): Promise<void> {
  const { response, connection } = client;
  const transfer = new Transfer({
    id: plane.nextTransferId(),
    connection,
    response,
    observe: () => {},
    now: plane.now,
  });
  const asked: Asked = { plane, relay, client, transfer };
  try {
    await answer(asked);
  } catch (error) {
    const { failure, message } = toUpstreamError(error, "");
    if (failure === "refused") observeRefusal(asked, "address");
    respond(asked, failureResponse(failure, message));
  }
}

async function answer(asked: Asked): Promise<void> {
  const { plane, relay, client } = asked;
  const { request, connection } = client;
  if (connection.isSurplus || plane.isOverloaded()) return refuse(asked, OVERLOADED.reason, OVERLOADED.message);
  if (!hasCleanFraming(request.rawHeaders)) return refuse(asked, "bad_request", "the length of the body is told twice");
  const question = await readInTime(asked);
  if (question === undefined) return refuse(asked, "bad_request", "this is no request for a token");
  const named = registryIn(request.url ?? "", question.form);
  if (named === undefined) {
    return refuse(asked, "unknown_registry", "a token is for one registry, and its scope names none or several");
  }
  const upstream = plane.findUpstream(named.registry);
  if (upstream === undefined || !relay.isOn(connection.listener, upstream)) {
    return refuse(asked, "unknown_registry", `tokens of ${named.registry} are not relayed`);
  }
  const auth = relay.auths.get(named.registry) ?? (await askRegistry(asked, upstream));
  if (auth.kind !== "bearer") {
    const authorization = auth.kind === "basic" ? question.authorization : "";
    return respond(asked, ownToken(relay.sealer.seal(named.registry, authorization)));
  }
  await forward(asked, { upstream, auth, question, named });
}

/** 10 s for a form of a few hundred bytes. */
const FORM_TIMEOUT_MS = 10_000;

async function readInTime({ client, transfer }: Asked): Promise<TokenQuestion | undefined> {
  const timer = setTimeout(() => transfer.fail("client_aborted"), FORM_TIMEOUT_MS);
  try {
    return client.node && (await readTokenQuestion(client.node.request));
  } finally {
    clearTimeout(timer);
  }
}

/** The realm names the registry, or where clients name it by a path prefix, the scope does. */
function registryIn(url: string, form: string): NamedQuestion | undefined {
  const [, segment] = /^\/([^/?]+)(?:\?|$)/.exec(url.slice(TOKEN_PATH.length)) ?? [];
  if (segment === undefined) return takeRegistry(form);
  try {
    return { registry: decodeURIComponent(segment), form };
  } catch {
    return undefined;
  }
}

/** A registry that was not heard of yet: its ping tells. Nothing of the client's goes with it. */
async function askRegistry({ plane, relay, transfer }: Asked, upstream: Upstream): Promise<RegistryAuth> {
  const { signal } = transfer;
  const head = { method: "GET", path: "/v2/", headers: [], redirects: "pass", delivery: "whole", signal } as const;
  const { status, headers, host, body } = await plane.client.fetch(upstream, { ...head, onExchange: () => {} });
  body.discard();
  if (status >= 500) throw new UpstreamError("truncated", `${host}: it answered a ping with ${status}`);
  const auth = relay.learn(upstream, headers) ?? { kind: "open" };
  relay.auths.set(upstream.registry, auth);
  return auth;
}

interface Forwarded {
  readonly upstream: Upstream;
  readonly auth: Extract<RegistryAuth, { kind: "bearer" }>;
  readonly question: TokenQuestion;
  readonly named: NamedQuestion;
}

async function forward(asked: Asked, forwarded: Forwarded): Promise<void> {
  const { plane, relay, client, transfer } = asked;
  const { question, named } = forwarded;
  const startedMs = plane.now();
  const report = (outcome: number | UpstreamError["failure"]): void => {
    const atMs = plane.now();
    const repository = repositoryIn(named.form);
    plane.observe({
      type: "token-answered",
      atMs,
      transfer: transfer.id,
      connection: client.connection.id,
      listener: client.connection.listener.name,
      remoteAddress: client.connection.remoteAddress,
      userAgent: headerValue(client.request.rawHeaders, "user-agent") ?? "",
      registry: named.registry,
      ...(repository !== undefined && { repository }),
      hasCredentials: question.hasCredentials,
      outcome,
      durationMs: atMs - startedMs,
    });
  };
  try {
    const response = await ask(asked, forwarded);
    const body = await readWhole(response);
    for (const token of tokensIn(decodeBody(body, headerValue(response.headers, "content-encoding")))) {
      relay.memory.note(token, question.hasCredentials ? "bearer" : "anonymous_bearer");
    }
    report(response.status);
    const { status, statusText } = response;
    respond(asked, { status, statusText, headers: forwardResponseHeaders(response.headers), body });
  } catch (error) {
    const failure = toUpstreamError(error, forwarded.auth.realm.host);
    if (!transfer.isOver) report(failure.failure);
    throw failure;
  }
}

function ask(
  { plane, client, transfer }: Asked,
  { upstream, auth, question, named }: Forwarded,
): Promise<UpstreamResponse> {
  const { realm, service } = auth;
  const { request } = client;
  const isPrefix = registryIsInScope(request.url ?? "");
  const form = isPrefix ? withService(named.form, service) : named.form;
  const query = question.method === "GET" ? form : (/\?(.*)$/s.exec(request.url ?? "")?.[1] ?? "");
  const search = [realm.search.slice(1), query].filter((part) => part !== "").join("&");
  return plane.client.fetch(tokenUpstream(upstream, realm), {
    method: question.method,
    path: `${realm.pathname}${search === "" ? "" : `?${search}`}`,
    headers: forwardRequestHeaders(request.rawHeaders, plane.takenHeaders),
    // A form with a password goes to the realm and no further.
    redirects: question.method === "GET" ? "follow" : "pass",
    delivery: "whole",
    signal: transfer.signal,
    onExchange: () => {},
    ...(question.method === "POST" && { body: Buffer.from(form, "latin1") }),
  });
}

function registryIsInScope(url: string): boolean {
  return !url.startsWith(`${TOKEN_PATH}/`);
}

/** 1 MiB: tokens have a few KiB; an answer is held whole, so that its token is known before the client uses it. */
const MAX_ANSWER_BYTES = 1_048_576;

async function readWhole({ body, host }: UpstreamResponse): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  await body.deliver((chunk) => {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(Buffer.from(chunk));
    return true;
  });
  if (bytes > MAX_ANSWER_BYTES) throw new UpstreamError("truncated", `${host}: its token is too long`);
  return Buffer.concat(chunks);
}

function tokensIn(body: Buffer | undefined): string[] {
  try {
    const answered: unknown = JSON.parse(body?.toString("utf8") ?? "");
    if (typeof answered !== "object" || answered === null) return [];
    const tokens = ["token", "access_token"].map((name): unknown => Reflect.get(answered, name));
    return tokens.filter((token): token is string => typeof token === "string" && token !== "");
  } catch {
    return [];
  }
}

function ownToken(token: string): OwnResponse {
  const body = JSON.stringify({ token, access_token: token, expires_in: SEALED_TOKEN_SECONDS });
  const headers = ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(body))];
  return { status: 200, headers, body };
}

function refuse(asked: Asked, reason: RefusalReason, message: string): void {
  observeRefusal(asked, reason);
  respond(asked, refusalResponse(reason, message));
}

function observeRefusal({ plane, client }: Asked, reason: RefusalReason): void {
  plane.observe({ type: "refused", atMs: plane.now(), listener: client.connection.listener.name, reason });
}

function respond({ transfer }: Asked, { body, ...head }: Head & { readonly body: string | Buffer }): void {
  if (transfer.isOver) return;
  transfer.respond(head);
  transfer.end(body);
}
