import { isDigest } from "../oci/digest.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connections.ts";
import type { Pull } from "./pull.ts";
import type { TrackerSettings } from "./settings.ts";
import type { TransferStarted } from "./transfer-event.ts";

/** A request for a manifest or blob, with what is known about who sent it. */
export interface PullRequest {
  readonly event: TransferStarted;
  readonly client: Client;
  /** `registry/name`. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly connection: Connection;
  /** The live pull that its connection carried so far. */
  readonly carried: Pull | undefined;
  readonly nowMs: number;
  readonly settings: TrackerSettings;
}

/**
 * Live pulls of the request's repository that its trace id does not exclude, oldest first. There may be thousands behind
 * one address: each of the three below looks only at those that a rule can mean.
 */
export function candidates(request: PullRequest): readonly Pull[] {
  return amongCandidates(request, request.client.inRepository(request.repository));
}

/** Those of the same tag or digest. */
export function ofReference(request: PullRequest): readonly Pull[] {
  return amongCandidates(request, request.client.ofReference(request.repository, request.reference));
}

/** Those that asked for the same manifest or blob before. */
export function askedFor(request: PullRequest): readonly Pull[] {
  return inOrder(amongCandidates(request, request.client.askedFor(request.reference)));
}

/** Those that need what is asked for: their root, a child of their index, their config or a layer. */
export function needing(request: PullRequest): readonly Pull[] {
  const { client, reference } = request;
  return isDigest(reference) ? inOrder(amongCandidates(request, client.needing(reference))) : [];
}

function amongCandidates({ event, repository }: PullRequest, pulls: Iterable<Pull>): readonly Pull[] {
  return [...pulls].filter((pull) => pull.birth.traceId === event.traceId && repositoryOf(pull) === repository);
}

/** Oldest first. */
export function inOrder(pulls: readonly Pull[]): readonly Pull[] {
  return pulls.length < 2 ? pulls : pulls.toSorted((one, other) => one.birth.order - other.birth.order);
}

export function repositoryOf(pull: Pull): string {
  return `${pull.birth.registry}/${pull.birth.repository}`;
}

/** The pull with the least value; the older one of equals. */
export function first(pulls: readonly Pull[], valueOf: (pull: Pull) => number): Pull | undefined {
  let best: Pull | undefined;
  for (const pull of pulls) if (best === undefined || valueOf(pull) < valueOf(best)) best = pull;
  return best;
}
