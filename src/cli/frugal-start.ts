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

// While a program loads, V8 spends memory that an idle process would keep.
//
// Young generation: what is allocated then mostly stays, and V8 takes that for a reason to double it again and again. It
// becomes smaller only when garbage is collected: 5 MB and more that are empty. V8 reads the factor when it is about to
// grow; 2 is its own.
//
// Optimizing compilers: what runs then runs once, and to compile it brings 6 MB of compilers into memory. Both are asked
// when a function was found hot; nothing is lost for those that are hot later.

/** Until `runFreely`: a small young generation, and no optimized code. */
export function startFrugally(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--no-turbofan");
  setFlagsFromString("--no-maglev");
}

/** Everything was loaded: from now on it is as V8 has it. */
export function runFreely(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  setFlagsFromString("--turbofan");
  setFlagsFromString("--maglev");
}
