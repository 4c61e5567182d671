// psl 1.15.0 has types that its "exports" hide; needless from the next release on. https://github.com/lupomontero/psl/issues/358
declare module "psl" {
  /** The registrable domain of a lower-case ASCII name; null if it has none, or is malformed, or ends in `local`. */
  export function get(domain: string): string | null;
}
