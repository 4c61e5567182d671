import type { Exchange } from "./respond.ts";
import { mayPull, readUser, TokenService, type Accounts } from "./token.ts";

/** How a registry asks for credentials. `bearer`: with a token service at `/token` of the registry itself. */
export interface Auth extends Accounts {
  readonly scheme: "basic" | "bearer";
}

/** Decides about every request of one registry. */
export class Gate {
  readonly #auth: Auth | undefined;
  readonly #origin: string;
  readonly #tokens: TokenService | undefined;

  constructor(auth: Auth | undefined, origin: string) {
    this.#auth = auth;
    this.#origin = origin;
    this.#tokens = auth?.scheme === "bearer" ? new TokenService(auth, SERVICE) : undefined;
  }

  /** The challenge that the request must be answered with; undefined: it may pass. */
  challenge(authorization: string | undefined, repository: string | undefined): string | undefined {
    if (!this.#auth) return undefined;
    if (this.#tokens) {
      return this.#tokens.accepts(authorization, repository) ? undefined : this.#bearerChallenge(repository);
    }
    return provesUser(this.#auth, authorization, repository) ? undefined : `Basic realm="${SERVICE}"`;
  }

  /** Answers `GET /token`. */
  sendToken({ request, response }: Exchange): void {
    const query = new URL(request.url ?? "", this.#origin).searchParams;
    const body = this.#tokens?.issue(query, request.headers.authorization);
    response.setHeader("Content-Type", "application/json");
    if (body === undefined) response.writeHead(401).end(JSON.stringify({ details: "incorrect username or password" }));
    else response.writeHead(200).end(body);
  }

  #bearerChallenge(repository: string | undefined): string {
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
    return `Bearer realm="${this.#origin}/token",service="${SERVICE}"${scope}`;
  }
}

const SERVICE = "pullmeter demo registry";

/** Basic knows no anonymous user: whoever proves no user is refused, the ping included. */
function provesUser(auth: Auth, authorization: string | undefined, repository: string | undefined): boolean {
  const user = readUser(auth, authorization);
  if (user === undefined || user === "") return false;
  return repository === undefined || mayPull(auth, user, repository);
}
