import { setFlagsFromString } from "node:v8";

// V8 has the code of Node.js' own modules in a cache, and takes it only while no flag differs from those with which it
// was made. So whatever a program needs of them is loaded before a flag is changed: 50 ms of the time to start.
import "node:assert";
import "node:cluster";
import "node:crypto";
import "node:dns";
import "node:https";
import "node:os";
import "node:perf_hooks";
import "node:timers/promises";
import "node:worker_threads";
import "node:zlib";

import { watchCollections } from "./collection-load.ts";

// V8 takes memory for speed early, and hardly gives it back. What runs while a program loads runs once, and a proxy is
// idle most of the time.
//
// Young generation: V8 doubles it, up to 32 MB, whenever much of it is still in use, as while a program loads or when a
// hundred clients come at once, and makes it small again when nothing happens. It reads the factor when it is about to
// grow. Under load it grows to its full size at once: by doubling it would take a second, in which what is collected too
// early costs a tenth of each small request.
//
// Collecting it with several threads wakes them each time, for one processor's worth of garbage: a tenth of what a small
// request costs.
//
// Optimizing compilers: they bring 7 MB of their own code into memory. V8 asks for these flags when it has found a
// function hot. Both at once: what Maglev makes without TurboFan never asks for TurboFan.

/** 16 times its first size, 1 MB. */
const TO_FULL_SIZE = 16;

/** While the program loads. */
export function startFrugally(): void {
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--no-maglev");
  setFlagsFromString("--no-turbofan");
}

/** Everything was loaded. The young generation waits for load. To be called once. */
export function runFreely(): void {
  setFlagsFromString("--turbofan");
  setFlagsFromString("--maglev");
  watchCollections((isBusy) => setFlagsFromString(`--semi-space-growth-factor=${isBusy ? TO_FULL_SIZE : 1}`));
}
