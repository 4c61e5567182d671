import { handleRequest, type ClientRequest, type DataPlane } from "./handle-request.ts";

/**
 * What holds for requests from one reload to the next. A request ends by the rules under which it began; the upstream
 * connections that were opened under them serve no later one, and are closed with the last.
 */
export class Generation {
  readonly #plane: DataPlane;
  #running = 0;
  #isRetired = false;

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** Never rejects. */
  async handle(client: ClientRequest): Promise<void> {
    this.#running += 1;
    await handleRequest(this.#plane, client);
    this.#running -= 1;
    if (this.#isRetired) await this.#closeIfDone();
  }

  /** No request begins with it any more. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    this.#plane.client.retire();
    await this.#closeIfDone();
  }

  /** Cuts all connections. */
  close(): Promise<void> {
    return this.#plane.client.close();
  }

  async #closeIfDone(): Promise<void> {
    if (this.#running === 0) await this.close();
  }
}
