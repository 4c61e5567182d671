import { parseRegistryHost, splitPort } from "../oci/registry-host.ts";

/** Tells whether a registry (host[:port], lower-case) is one of those that a pattern stands for. */
export type RegistryPattern = (registry: string) => boolean;

/**
 * Reads a pattern of registries: a host with `*` in place of whole labels, each standing for exactly one
 * (`*.example.com` is `a.example.com`, neither `example.com` nor `a.b.example.com`). A port is matched as written, none
 * means none, `:*` any. `*` alone is every registry. Returns undefined if it is no pattern.
 */
export function parseRegistryPattern(text: string): RegistryPattern | undefined {
  if (text === "*") return () => true;
  const { name, port } = splitPort(text);
  const example = name.replaceAll("*", "a") + (port === undefined || port === "*" ? "" : `:${port}`);
  const labels = name.split(".");
  const whole = labels.every((label) => label === "*" || !label.includes("*"));
  // A pattern is written as the hosts it is compared with: lower-case, no trailing dot.
  if (!whole || parseRegistryHost(example) !== example) return undefined;
  return (registry) => {
    const other = splitPort(registry);
    return (port === "*" || port === other.port) && matchLabels(labels, other.name.split("."));
  };
}

function matchLabels(pattern: readonly string[], host: readonly string[]): boolean {
  return pattern.length === host.length && pattern.every((label, index) => label === "*" || label === host[index]);
}
