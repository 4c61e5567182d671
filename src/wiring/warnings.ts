import { formatAddress, isLoopback } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import { createFindRegistry } from "../config/find-registry.ts";
import { checkHost } from "../upstream/guard.ts";

/** What a configuration may say, and its author seldom means. */
export interface Warning {
  readonly message: string;
  /** What it is about, as the log names it. */
  readonly about: { readonly addresses: readonly string[] } | { readonly registries: readonly string[] };
}

export function findWarnings(config: Config): readonly Warning[] {
  return [...warnOfOthers(config), ...warnOfPrivateRegistries(config)];
}

function warnOfOthers({ listeners, admin }: Config): readonly Warning[] {
  const exposed = [...listeners, admin].filter(({ address }) => !isLoopback(address));
  const open = exposed.filter(({ protection = {} }) => !protection.credentials && !protection.tls?.clientCa);
  const readable = exposed.filter(({ protection = {} }) => protection.credentials && !protection.tls);
  const warn = (message: string, some: typeof exposed): readonly Warning[] =>
    some.length === 0 ? [] : [{ message, about: { addresses: some.map(({ address }) => formatAddress(address)) } }];
  return [
    ...warn("other machines can connect: nothing but the network decides who may use these addresses", open),
    ...warn("passwords and tokens come in the clear: without tls the network can read them", readable),
  ];
}

/** A name that needs no look-up tells by itself whether it is private. */
function warnOfPrivateRegistries(config: Config): readonly Warning[] {
  const find = createFindRegistry(config);
  const ofListeners = config.listeners.flatMap(({ registry }) => registry ?? []);
  const registries = [...new Set([...config.registries.keys(), ...ofListeners])].filter((registry) => {
    const reachable = find(registry);
    return reachable && checkHost(reachable.origin.hostname, reachable.allowPrivateAddresses) !== undefined;
  });
  if (registries.length === 0) return [];
  const message =
    "every request is refused: not a public address; expected allowPrivateAddresses: true, or an upstream";
  return [{ message, about: { registries } }];
}
