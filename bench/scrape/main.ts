// What a scrape costs when every label is as full as it can get: `npm run bench:scrape`. Exits 1 beyond 50 ms or 2 MB.
import { besiege } from "../../test/support/siege.ts";

/** 100 000 requests and pulls of clients that make up names fill every label. */
const ROUNDS = 100_000;

/** 21 scrapes after as many to warm up; the median is compared. */
const SCRAPES = 21;

/** Milliseconds in which the event loop does nothing else. */
const MAX_MS = 50;
const MAX_BYTES = 2_000_000;

const FORMATS = ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"];

const expose = besiege(ROUNDS, {});
for (const accept of FORMATS) {
  for (let scrape = 0; scrape < SCRAPES; scrape++) await expose(accept);
  const times: number[] = [];
  let bytes = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const startMs = performance.now();
    bytes = Buffer.byteLength((await expose(accept)).body);
    times.push(performance.now() - startMs);
  }
  const median = times.toSorted((one, other) => one - other)[Math.floor(SCRAPES / 2)] ?? Number.NaN;
  console.log(`${accept}: ${median.toFixed(1)} ms, ${bytes} bytes`);
  if (!(median <= MAX_MS && bytes <= MAX_BYTES)) process.exitCode = 1;
}
