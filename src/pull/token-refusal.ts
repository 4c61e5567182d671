import { first } from "./candidates.ts";
import { causeOfStatus } from "./outcome.ts";
import type { Pull } from "./pull.ts";
import type { TokenAnswered } from "./transfer-event.ts";

/**
 * A token service that gives no token is why a pull fails: the registry's own 401, which came before, only told that
 * one is needed. If the client gets a token after all, its next request makes that good. `pulls` are those of the image
 * and the client that the token was for; it is about the one heard of last.
 */
export function noteTokenRefusal(pulls: ReadonlySet<Pull>, event: TokenAnswered, nowMs: number): void {
  const cause = typeof event.outcome === "number" ? causeOfStatus(event.outcome) : event.outcome;
  if (cause === "none") return;
  const latest = first([...pulls], (pull) => -pull.lastEventMs);
  for (const content of latest?.contents.values() ?? []) {
    if (content.failure !== undefined && content.lastStatus === 401) content.fail(cause, nowMs);
  }
}
