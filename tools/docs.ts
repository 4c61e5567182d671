// Writes every page that is generated: `npm run docs`. CI fails if what is committed differs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationPage } from "./docs/configuration.ts";
import { metricsPage } from "./docs/metrics.ts";
import "./docs/chart.ts";

const DOCS = join(import.meta.dirname, "..", "docs");

writeFileSync(join(DOCS, "configuration.md"), configurationPage());
writeFileSync(join(DOCS, "metrics.md"), metricsPage());
