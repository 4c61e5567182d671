import type { Trigger } from "../../src/pull/transfer-event.ts";

/** A registry as clients name it, with the labels that every pull from it must get. */
export interface BenchRegistry {
  readonly host: string;
  /** Expected `registry` label, written out by hand and not computed: host without its first label. */
  readonly label: string;
  readonly isolation: string;
  readonly trigger: Trigger;
  /** Behind basic authentication. */
  readonly private: boolean;
}

/** Three names for one storage. Nobody resolves them: every client reaches them only through the proxy. */
export const REGISTRIES = {
  main: {
    host: "registry.main-example.com",
    label: "main-example.com",
    isolation: "bench",
    trigger: "execution",
    private: false,
  },
  warm: {
    host: "cache.eu.warm-example.co.uk",
    label: "warm-example.co.uk",
    isolation: "bench-warm",
    trigger: "warmup",
    private: false,
  },
  private: {
    host: "private-example.org:5443",
    label: "private-example.org",
    isolation: "bench-private",
    trigger: "execution",
    private: true,
  },
} as const satisfies Record<string, BenchRegistry>;

export type RegistryKey = keyof typeof REGISTRIES;
export const REGISTRY_KEYS = ["main", "warm", "private"] as const satisfies readonly RegistryKey[];

/** The account of the private registry. */
export const ACCOUNT = { user: "alice", password: "correct-horse" };
export const WRONG_ACCOUNT = { user: "alice", password: "wrong" };
