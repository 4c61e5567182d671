/** A scope without its registry: `repository:one.test/app:pull` is `repository:app:pull` of `one.test`. */
export interface SplitScope {
  readonly registry: string;
  readonly scope: string;
}

// https://distribution.github.io/distribution/spec/auth/scope/: resourcetype ":" resourcename ":" actions, where the
// name may begin with a host and its port.
const SCOPE = /^(repository(?:\([a-z0-9]+\))?):([^\s]+):([a-z*,]*)$/;

/** Reads a scope as a client makes it that takes a path prefix for the first part of the repository's name. */
export function splitScope(text: string): SplitScope | undefined {
  const [, type = "", name = "", actions = ""] = SCOPE.exec(text) ?? [];
  const slash = name.indexOf("/");
  if (slash <= 0 || slash === name.length - 1) return undefined;
  return { registry: name.slice(0, slash), scope: `${type}:${name.slice(slash + 1)}:${actions}` };
}

/** Puts the registry before the name of every repository in a challenge's scopes, separated by spaces. */
export function prefixScopes(text: string, registry: string): string {
  return text
    .split(" ")
    .map((scope) =>
      scope.replace(
        SCOPE,
        (_, type: string, name: string, actions: string) => `${type}:${registry}/${name}:${actions}`,
      ),
    )
    .join(" ");
}
