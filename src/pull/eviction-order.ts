import type { Client } from "./client.ts";
import type { Pull } from "./pull.ts";

/** Which client is forgotten when there are too many: anybody can invent clients, so those that ask for nothing go first. */
export class EvictionOrder {
  /** A client may have left its tier since it was noted: that is looked up when one has to go. */
  readonly #tiers: readonly { readonly mayGo: (client: Client) => boolean; readonly clients: Set<Client> }[] = [
    { mayGo: isWorthless, clients: new Set() },
    { mayGo: ({ pulls }) => pulls.size === 0, clients: new Set() },
  ];

  /** The client is new, a pull of it ended, or a request was refused. */
  note(client: Client): void {
    this.forget(client);
    for (const { clients } of this.#tiers) clients.add(client);
  }

  forget(client: Client): void {
    for (const { clients } of this.#tiers) clients.delete(client);
  }

  /** Of those worth least the one noted first; undefined if each but `newest` has a pull worth keeping. */
  first(newest: Client): Client | undefined {
    for (const { mayGo, clients } of this.#tiers) {
      for (const client of clients) {
        if (client === newest) continue;
        if (mayGo(client)) return client;
        clients.delete(client);
      }
    }
    return undefined;
  }
}

function isWorthless(client: Client): boolean {
  if (client.open > 0 || client.pings.size > 0 || client.isPushingAnything) return false;
  for (const pull of client.pulls) if (!isRefused(pull)) return false;
  return true;
}

/** The proxy itself said no, and nothing else was asked for since. */
export function isRefused({ open, wasResolved, contents, birth }: Pull): boolean {
  return open === 0 && !wasResolved && contents.get(birth.reference)?.failure?.cause === "refused";
}
