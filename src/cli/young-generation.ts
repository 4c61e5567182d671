import { setFlagsFromString } from "node:v8";

// What is allocated while programs load mostly stays. V8 takes that for a reason to double its young generation again
// and again, and makes it smaller only when it collects garbage: an idle process would keep 14 MB that are empty.
// V8 reads this factor each time it is about to grow.

/** Keeps the young generation as it is at the start, 1 MB, while modules are loaded. */
export function holdYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** From now on it grows with what clients ask for; 2 is V8's own factor. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
}
