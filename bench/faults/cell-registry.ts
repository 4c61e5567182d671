import type { Image } from "../../test/support/clients/image.ts";
import { errorAnswer, goodAnswer, redirectAnswer } from "./answer.ts";
import { CellPlan, type Role } from "./cell-plan.ts";
import type { Cell } from "./cells.ts";
import { Exchange } from "./exchange.ts";
import { findResource } from "./image.ts";
import type { Phase } from "./phases.ts";
import { RawServer, type RawConnection } from "./raw-server.ts";
import type { RequestHead } from "./request-heads.ts";

/** The registry of one cell and the storage that it may redirect to, each on a port and under a name of its own. */
export class CellRegistry {
  readonly host: string;
  readonly storageHost: string;
  readonly cell: Cell;
  readonly #plan: CellPlan;
  readonly #image: () => Image;
  readonly #servers: Readonly<Record<Role, RawServer>>;
  readonly #ports: Record<Role, number> = { registry: 0, storage: 0 };
  #signatures = 0;

  /** `first`: the phase that the client begins with. */
  constructor(cell: Cell, image: () => Image, first: Phase) {
    this.cell = cell;
    this.host = `c${cell.id}.faults.test`;
    this.storageHost = `s${cell.id}.faults.test`;
    this.#image = image;
    this.#plan = new CellPlan(cell, first);
    this.#servers = { registry: this.#createServer("registry"), storage: this.#createServer("storage") };
  }

  async listen(): Promise<void> {
    this.#ports.registry = await this.#servers.registry.listen();
    this.#ports.storage = await this.#servers.storage.listen();
  }

  /** Where the proxy is to connect. */
  get origin(): string {
    return this.#originOf("registry");
  }

  get happened(): number {
    return this.#plan.happened;
  }

  get openConnections(): number {
    return this.#servers.registry.openConnections + this.#servers.storage.openConnections;
  }

  /** What a name of this cell resolves to. */
  addressOf(host: string): string {
    return this.#plan.addressOf(host === this.storageHost ? "storage" : "registry");
  }

  async close(): Promise<void> {
    await Promise.all([this.#servers.registry.close(), this.#servers.storage.close()]);
  }

  #createServer(role: Role): RawServer {
    return new RawServer({
      secure: this.cell.secure,
      offer: () => this.#plan.offer(role),
      onRequest: (connection, request) => this.#answer(role, connection, request),
    });
  }

  #answer(role: Role, connection: RawConnection, request: RequestHead): void {
    const close = this.#plan.closesConnections;
    const resource = findResource(this.#image(), request);
    if (resource === undefined) {
      const answer = errorAnswer(404);
      return new Exchange({ ...connection, request, answer, whole: answer, share: 0, close }).respond();
    }
    if (role === "registry" && this.#plan.redirects(resource.phase)) {
      const answer = redirectAnswer(`${this.#originOf("storage")}${request.path}?signature=${(this.#signatures += 1)}`);
      return new Exchange({ ...connection, request, answer, whole: answer, share: 0, close }).respond();
    }
    const injection = this.#plan.injectionFor(resource.phase, request);
    const answer = goodAnswer(request, resource);
    const whole = goodAnswer({ ...request, headers: new Map() }, resource);
    const exchange = new Exchange({ ...connection, request, answer, whole, share: injection?.share ?? 0, close });
    if (injection !== undefined) return injection.inject(exchange);
    exchange.respond();
    this.#plan.answered(resource.phase);
  }

  #originOf(role: Role): string {
    const host = role === "registry" ? this.host : this.storageHost;
    return `${this.cell.secure ? "https" : "http"}://${host}:${this.#ports[role]}`;
  }
}
