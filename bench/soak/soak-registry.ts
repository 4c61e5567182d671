import type { Image } from "../../test/support/clients/image.ts";
import { errorAnswer, goodAnswer, redirectAnswer } from "../faults/answer.ts";
import { LOOPBACK } from "../faults/cell-plan.ts";
import { Exchange } from "../faults/exchange.ts";
import { findResource, makeImage } from "../faults/image.ts";
import * as inject from "../faults/injections.ts";
import { RawServer, type RawConnection } from "../faults/raw-server.ts";
import type { RequestHead } from "../faults/request-heads.ts";
import type { SeededRandom } from "../truth/seeded-random.ts";

/** Share of requests, and of look-ups of names, that fail. */
const FAULTY = { requests: 0.06, names: 0.02 };

/** Every fault after which a client that took bytes for whole has the right ones. */
const INJECTIONS: readonly inject.Injection[] = [
  inject.resetBeforeHead,
  inject.closeBeforeHead,
  inject.silence,
  inject.earlyHints,
  inject.giantHead,
  inject.twoLengths,
  inject.resetAfterHead,
  inject.resetInBody,
  inject.resetInBody,
  inject.resetInBody,
  inject.shortBody,
  inject.stall,
  inject.trickle,
  inject.longBody,
  inject.badChunk,
  ...[401, 403, 404, 429, 500, 502, 503, 504].map(inject.status),
];

/** Bytes of the layers: pulls that take milliseconds, and such that are still under way when clients go away. */
const LAYERS = [
  { hit: 20_000, other: 5_000 },
  { hit: 400_000, other: 20_000 },
  { hit: 3_000_000, other: 300_000 },
] as const;

/** A registry for as long as the soak lasts, which fails now and then. Every other one redirects to a storage. */
export class SoakRegistry {
  readonly host: string;
  readonly storageHost: string;
  readonly #random: SeededRandom;
  readonly #secure: boolean;
  readonly #redirects: boolean;
  readonly #image: Image;
  readonly #server: RawServer;
  #port = 0;

  constructor(index: number, random: SeededRandom) {
    this.host = `c${index}.faults.test`;
    this.storageHost = `s${index}.faults.test`;
    this.#random = random;
    this.#secure = index % 2 === 1;
    this.#redirects = index % 4 >= 2;
    this.#image = makeImage(`soak ${index}`, LAYERS[index % LAYERS.length]);
    this.#server = new RawServer({
      secure: this.#secure,
      offer: () => "trusted",
      onRequest: (connection, request) => this.#answer(connection, request),
    });
  }

  get origin(): string {
    return this.#originOf(this.host);
  }

  get openConnections(): number {
    return this.#server.openConnections;
  }

  addressOf(): string {
    return this.#random.chance(FAULTY.names) ? this.#random.pick(["ENOTFOUND", "EAI_AGAIN", "127.0.0.2"]) : LOOPBACK;
  }

  async listen(): Promise<void> {
    this.#port = await this.#server.listen();
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #answer(connection: RawConnection, request: RequestHead): void {
    const resource = findResource(this.#image, request);
    const isAtStorage = request.path.includes("?signature=");
    const good = resource === undefined ? errorAnswer(404) : goodAnswer(request, resource);
    const leads = this.#redirects && !isAtStorage && request.path.includes("/blobs/");
    const answer = leads ? redirectAnswer(`${this.#originOf(this.storageHost)}${request.path}?signature=1`) : good;
    const share = this.#random.next();
    const exchange = new Exchange({ ...connection, request, answer, whole: answer, share, close: false });
    if (leads || !this.#random.chance(FAULTY.requests)) return exchange.respond();
    this.#random.pick(INJECTIONS)(exchange);
  }

  #originOf(host: string): string {
    return `${this.#secure ? "https" : "http"}://${host}:${this.#port}`;
  }
}
