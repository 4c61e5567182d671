/** A URL of a host alone. A lone "/" after it is what URL prints, and no path. */
export function parseHttpUrl(text: string, allowed: { readonly userInfo: boolean }): URL | undefined {
  if (!/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const bare = url.pathname === "/" && url.search === "" && url.hash === "" && !/[?#\\\s]/.test(text);
  const anonymous = url.username === "" && url.password === "";
  return bare && (anonymous || allowed.userInfo) ? url : undefined;
}
