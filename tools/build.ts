// Writes the program as it is shipped: `npm run build`. Types are checked elsewhere: `npm run check`.
//
//   node tools/build.ts [FOLDER]      default: dist
import { join } from "node:path";
import { buildProgram } from "./build/program.ts";

await buildProgram(process.argv[2] ?? join(import.meta.dirname, "..", "dist"));
