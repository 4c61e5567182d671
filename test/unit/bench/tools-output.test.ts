import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrace } from "../../../bench/data-plane/strace.ts";
import { parseWrk } from "../../../bench/data-plane/wrk.ts";
import { statusMb } from "../../../bench/rig/process-usage.ts";

const WRK = `Running 2s test @ http://127.0.0.1:40123/v2/bench/app/manifests/v1
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.90ms  732.25us  12.51ms   81.22%
    Req/Sec    16.85k     1.21k   18.52k    70.00%
  Latency Distribution
     50%    1.75ms
     75%    2.10ms
     90%    2.61ms
     99%  870.00us
  33541 requests in 2.00s, 73.21MB read
Requests/sec:  16752.12
Transfer/sec:     36.56MB
`;

test("rate and latencies are read from wrk's report", () => {
  assert.deepEqual(parseWrk(WRK), {
    requests: 33_541,
    requestsPerSecond: 16_752.12,
    p50Us: 1_750,
    p99Us: 870,
    failed: 0,
  });
});

test("seconds, which wrk pads, are read as well", () => {
  assert.equal(parseWrk(WRK.replace("1.75ms", "1.03s ")).p50Us, 1_030_000);
});

test("socket errors and bad statuses of wrk's report are added up", () => {
  const errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 20\n";
  assert.equal(parseWrk(WRK.replace("Requests/sec", `${errors}Requests/sec`)).failed, 30);
});

test("a report without a rate is no result", () => {
  assert.throws(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n"), /wrk printed no/);
  assert.throws(() => parseWrk(WRK.replace("1.75ms", "1.75parsecs")), /1\.75parsecs/);
});

const STRACE = `strace: Process 4711 attached with 2 threads
^Cstrace: Process 4711 detached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.20    0.012345           7      1643           write
 30.10    0.004321           2      1664        12 read
  8.70    0.001234           3       412           epoll_pwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.017900           4      3719        12 total
`;

test("calls are read from strace's table, with and without errors, and the sum is no call", () => {
  assert.deepEqual(parseStrace(STRACE), [
    { name: "write", count: 1643 },
    { name: "read", count: 1664 },
    { name: "epoll_pwait", count: 412 },
  ]);
});

test("memory is read in MB from /proc/PID/status, and what is not there is 0", () => {
  const status = "Name:\tnode\nVmHWM:\t   65536 kB\nVmRSS:\t   52224 kB\n";
  assert.equal(statusMb(status, "VmRSS"), 51);
  assert.equal(statusMb(status, "VmHWM"), 64);
  assert.equal(statusMb(status, "VmSwap"), 0);
});
