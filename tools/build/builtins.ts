import type { Plugin } from "esbuild";

/**
 * `import { createHash } from "node:crypto"` reads each export of the module at once, also those that load a dozen others
 * behind a getter: WebCrypto, the streams of the process, Node.js' own fetch. `require` reads what is used: 1 MB less.
 */
export const builtinsWhenNeeded: Plugin = {
  name: "builtins-when-needed",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) => {
      return kind === "import-statement" ? { path, namespace: "builtin" } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      return { contents: `module.exports = require(${JSON.stringify(path)});`, loader: "js" };
    });
  },
};
