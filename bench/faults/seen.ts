import type { Phase } from "./phases.ts";

/** What a client saw of one pull. */
export type Seen =
  /** Everything came, and every digest and length was right. */
  | { readonly kind: "ok" }
  | { readonly kind: "status"; readonly phase: Phase; readonly status: number }
  /** The connection ended before the answer was whole. */
  | { readonly kind: "cut"; readonly phase: Phase }
  /** A whole answer whose bytes are not those of its digest, or not as many as the manifest says. */
  | { readonly kind: "wrong bytes"; readonly phase: Phase }
  /** No head, or no end, in time. */
  | { readonly kind: "hang"; readonly phase: Phase }
  /** A real client gave up: its own words. */
  | { readonly kind: "failed"; readonly words: string };

export function describeSeen(seen: Seen): string {
  switch (seen.kind) {
    case "ok":
      return "ok";
    case "status":
      return `${seen.status} in ${seen.phase}`;
    case "failed":
      return seen.words;
    case "cut":
    case "wrong bytes":
    case "hang":
      return `${seen.kind} in ${seen.phase}`;
  }
}
