import { Agent, request, type IncomingMessage } from "node:http";
import { parseChallenge, type Challenge } from "../oci/challenge.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A status of a registry or token service that ends the pull. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: number;

  constructor(status: number, path: string) {
    super(`${path} answered ${status}`);
    this.status = status;
  }
}

/** The connection went away in the middle of a body. */
export class CutError extends Error {
  override readonly name = "CutError";
  readonly received: Buffer;

  constructor(received: Buffer, cause: Error) {
    super(`cut after ${received.length} bytes`, { cause });
    this.received = received;
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** 6: how many requests containers/image has open at once. */
const MAX_CONNECTIONS = 6;

const USER_AGENT = "pullmeter-demo/0.1";

/** The connections of one pull to one registry, and the authorization that its ping asked for. */
export class Session {
  readonly #origin: string;
  readonly #signal: AbortSignal;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  #authorization: string | undefined;

  constructor(origin: string, signal: AbortSignal) {
    this.#origin = origin;
    this.#signal = signal;
  }

  /** Pings, and obeys the challenge if there is one. */
  async open(scope: string, credentials: Credentials | undefined): Promise<void> {
    const ping = await this.#send(`${this.#origin}/v2/`, {});
    if (ping.status !== 401) return expectOk(ping, "/v2/");
    const challenge = parseChallenge(ping.headers["www-authenticate"] ?? "");
    if (challenge?.scheme === "bearer") {
      this.#authorization = `Bearer ${await this.#fetchToken(challenge, scope, credentials)}`;
    } else {
      // containers/image answers Basic even without credentials: with an empty user and password.
      this.#authorization = toBasic(credentials ?? { username: "", password: "" });
    }
  }

  /** Throws StatusError unless the answer is 200, or 206 for a start other than 0; CutError for part of a body. */
  async get(path: string, accept: string, startByte = 0): Promise<Reply> {
    const reply = await this.#send(this.#origin + path, {
      Accept: accept,
      ...(this.#authorization !== undefined && { Authorization: this.#authorization }),
      ...(startByte > 0 && { Range: `bytes=${startByte}-` }),
    });
    if (reply.status !== (startByte > 0 ? 206 : 200)) throw new StatusError(reply.status, path);
    return reply;
  }

  /** Closes the connections: for the tracker this is the end of the pull. */
  close(): void {
    this.#agent.destroy();
  }

  async #fetchToken(challenge: Challenge, scope: string, credentials: Credentials | undefined): Promise<string> {
    const realm = new URL(challenge.parameters.get("realm") ?? "");
    realm.searchParams.set("service", challenge.parameters.get("service") ?? "");
    realm.searchParams.set("scope", scope);
    const reply = await this.#send(realm.href, credentials ? { Authorization: toBasic(credentials) } : {});
    expectOk(reply, realm.pathname);
    const json: unknown = JSON.parse(reply.body.toString());
    if (typeof json === "object" && json !== null && "token" in json && typeof json.token === "string") {
      return json.token;
    }
    throw new Error("the token service answered without a token");
  }

  #send(url: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    const options = { agent: this.#agent, signal: this.#signal, headers: { "User-Agent": USER_AGENT, ...headers } };
    return new Promise((resolve, reject) => {
      const outgoing = request(url, options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", (error) => reject(new CutError(Buffer.concat(chunks), error)));
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
        );
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  }
}

function expectOk(reply: Reply, path: string): void {
  if (reply.status !== 200) throw new StatusError(reply.status, path);
}

function toBasic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
