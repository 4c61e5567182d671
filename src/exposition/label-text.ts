import type { Labels } from "./metric-family.ts";

/** `name="value",…` without the braces, which the text formats have in common. */
export function renderLabelPairs(labels: Labels): string {
  let pairs = "";
  for (const [name, value] of labels) pairs += `${pairs && ","}${name}="${escapeLabelValue(value)}"`;
  return pairs;
}

export function inBraces(pairs: string): string {
  return pairs && `{${pairs}}`;
}

const TO_ESCAPE = /[\\\n"]/;

/** Backslash, line break and quote. */
export function escapeLabelValue(value: string): string {
  return TO_ESCAPE.test(value) ? escapeBackslash(value).replaceAll('"', '\\"') : value;
}

/** Backslash and line break. */
export function escapeBackslash(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
