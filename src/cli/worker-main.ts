// What a process runs that `serve` starts when `workers` is more than 1.
import { runFreely, startFrugally } from "./frugal-start.ts";

startFrugally();
await import("./serve-as-worker.ts");
runFreely();
