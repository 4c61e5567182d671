import { causeOfStatus } from "./outcome.ts";
import type { Pull } from "./pull.ts";
import type { TokenAnswered } from "./transfer-event.ts";

/**
 * A token service that gives no token is why a pull fails: the registry's own 401, which came before, only told that
 * one is needed. If the client gets a token after all, its next request makes that good.
 */
export function noteTokenRefusal(pulls: Iterable<Pull>, event: TokenAnswered, nowMs: number): void {
  const cause = typeof event.outcome === "number" ? causeOfStatus(event.outcome) : event.outcome;
  if (cause === "none") return;
  const [latest] = [...pulls].filter((pull) => wantsToken(pull, event)).toSorted(lastHeardFirst);
  for (const content of latest?.contents.values() ?? []) {
    if (content.failure !== undefined && content.lastStatus === 401) content.fail(cause, nowMs);
  }
}

function wantsToken(
  { birth, client }: Pull,
  { registry, repository, remoteAddress, userAgent }: TokenAnswered,
): boolean {
  const isForImage = birth.registry === registry && birth.repository === repository;
  return isForImage && client.address === remoteAddress && birth.userAgent === userAgent;
}

function lastHeardFirst(one: Pull, other: Pull): number {
  return other.lastEventMs - one.lastEventMs;
}
