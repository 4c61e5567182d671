import { counter, gauge, histogram } from "./definition.ts";

// Metrics of what goes wrong, and of whom to ask. Part of the page that docs/metrics.md is printed from.

export const PULL_FAILURES = counter({
  name: "pullmeter_pull_failures_total",
  help: "Finished pulls that failed, by cause. docs/operations.md says of each what it means and what to do.",
  labels: ["registry", "cause"],
});

export const STALLS = counter({
  name: "pullmeter_stalls_total",
  help: "Times that a body stood still for 5 s or more, by who was waited for: the upstream for its bytes, or the client to take them.",
  labels: ["registry", "side"],
});

export const TRANSFER_WAIT = counter({
  name: "pullmeter_transfer_wait_seconds_total",
  help: "Time that bodies took, by who was waited for. Clients that unpack while they download do not read all the time.",
  labels: ["registry", "side"],
});

export const SLOW_LAYERS = counter({
  name: "pullmeter_slow_layers_total",
  help: "Blobs of 1 MiB or more that came whole at less than 1 MiB/s, by who was waited for most of that time.",
  labels: ["registry", "side"],
});

export const UPSTREAM_REPEATS = counter({
  name: "pullmeter_upstream_repeats_total",
  help: "Failures of upstreams that were made good: a `request` was tried again, a `body` went on over another connection.",
  labels: ["registry", "repeated"],
});

export const CIRCUITS_OPEN = gauge({
  name: "pullmeter_upstream_circuits_open",
  help: "Hosts of the registry to which connections failed several times in a row: pings and manifests fail at once, until one of them finds the host again.",
  labels: ["registry"],
});

export const OLDEST_PULL_AGE = gauge({
  name: "pullmeter_oldest_pull_age_seconds",
  help: "How long ago the oldest pull in progress began; 0 when there is none.",
});

export const BLOBS_VERIFIED = counter({
  name: "pullmeter_blobs_verified_total",
  help: "Blobs whose bytes were compared with their digest (`verifyBlobs`), by result; `skipped` where the machine had no time for it.",
  labels: ["registry", "result"],
});

export const TOKEN_REQUESTS = counter({
  name: "pullmeter_token_requests_total",
  help: "Requests for tokens that were relayed (`tokens: relay`), by outcome: the class of the token service's status, or why there was none.",
  labels: ["registry", "outcome"],
});

export const TOKEN_DURATION = histogram({
  name: "pullmeter_token_duration_seconds",
  help: "Time that token services took to answer.",
  labels: ["registry"],
  // Seconds: 5 ms is a service next door; 30 s is beyond what clients wait.
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
});
