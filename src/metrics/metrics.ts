import { counter, gauge, histogram } from "./definition.ts";
import {
  BLOBS_VERIFIED,
  CIRCUITS_OPEN,
  OLDEST_PULL_AGE,
  PULL_FAILURES,
  SLOW_LAYERS,
  STALLS,
  TOKEN_DURATION,
  TOKEN_REQUESTS,
  TRANSFER_WAIT,
  UPSTREAM_REPEATS,
} from "./trouble.ts";
import { WORKER_CPU, WORKER_RESIDENT_MEMORY, WORKER_RESTARTS } from "./workers.ts";

// Every metric of pullmeter: name, help, labels, buckets. docs/metrics.md is printed from this page.

/** In the order in which the origin declares them. */
export const PULL_LABELS = ["isolation", "registry", "status", "on_disk", "has_creds", "trigger"] as const;

/** The histogram of the origin, so that its dashboards and series take pulls through the proxy as well. */
export const IMAGE_FETCH_DURATION = histogram({
  name: "buildbuddy_remote_execution_image_fetch_duration_usec",
  help: "Duration of attempts to fetch a container image, in **microseconds**. Use the `_count` suffix for fetch counts.",
  labels: PULL_LABELS,
  // Microseconds: 1 times 5 while below one hour, as the origin computes them.
  buckets: [
    1, 5, 25, 125, 625, 3125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125, 244_140_625, 1_220_703_125,
  ],
});

export const PULL_DURATION = histogram({
  name: "pullmeter_pull_duration_seconds",
  help: "Duration of image pulls, from the first request to the last byte of the last response.",
  labels: PULL_LABELS,
  // Seconds, 5 ms to 1 h: a pull that is on disk takes milliseconds; most others end between 1 s and 5 min.
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600],
  native: true,
});

export const PULL_PHASE = histogram({
  name: "pullmeter_pull_phase_seconds",
  help: "What finished pulls spent their time on: `resolve`, `auth`, `manifest`, `config`, `layers` add up to the duration; `first_byte`, the longest wait for a blob's response, and `commit`, unpacking after the last byte, stand beside. Phases that took no time are not counted. docs/pull-states.md says what belongs to which.",
  labels: ["registry", "phase"],
  // Seconds, few because there are seven phases: 10 ms is a registry next door, 5 min a large image. The native
  // histogram tells more.
  buckets: [0.01, 0.1, 0.5, 2, 10, 60, 300],
  native: true,
});

export const PULL_TRANSFERRED_BYTES = counter({
  name: "pullmeter_pull_transferred_bytes_total",
  help: "Bytes of response bodies that finished pulls were given, manifests included.",
  labels: ["registry"],
});

export const PULL_SKIPPED_BYTES = counter({
  name: "pullmeter_pull_skipped_bytes_total",
  help: "Bytes of the layers that successful pulls did not ask for, because they were on disk.",
  labels: ["registry"],
});

/** Bytes per second, 100 kB/s to 4 GB/s: a bad mobile link to 32 Gbit/s. */
const BYTES_PER_SECOND = [1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8, 5e8, 1e9, 2e9, 4e9];

/** Seconds: 5 ms is a registry next door; 30 s is when the proxy gives up. */
const SECONDS_TO_ANSWER = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const LAYER_THROUGHPUT = histogram({
  name: "pullmeter_layer_throughput_bytes_per_second",
  help: "Speed of each layer of 1 MB or more that one response brought, from the response's head to its last byte.",
  labels: ["registry"],
  buckets: BYTES_PER_SECOND,
  native: true,
});

export const SERVING_FIRST_BYTE = histogram({
  name: "pullmeter_serving_first_byte_seconds",
  help: "Time from the request for a config or layer to the head of its response, redirects included, by who served it.",
  labels: ["serving_domain"],
  buckets: SECONDS_TO_ANSWER,
});

export const SERVING_THROUGHPUT = histogram({
  name: "pullmeter_serving_throughput_bytes_per_second",
  help: "The same speeds of layers, by who served them: the registry, or where it redirected to.",
  labels: ["serving_domain"],
  buckets: BYTES_PER_SECOND,
});

export const AUTH = counter({
  name: "pullmeter_auth_total",
  help: "Finished pulls, by the best proof of identity that one of their requests carried.",
  labels: ["registry", "kind"],
});

export const PULLS_ENDED = counter({
  name: "pullmeter_pulls_ended_total",
  help: "Finished pulls, by the rule that told that they were over. Only `connections_closed` was seen; the others are inferred.",
  labels: ["end_rule"],
});

export const RATELIMIT_LIMIT = gauge({
  name: "pullmeter_ratelimit_limit",
  help: "Requests or pulls that the registry allows in a window, as its last response with such headers told.",
  labels: ["registry", "has_creds"],
});

export const RATELIMIT_REMAINING = gauge({
  name: "pullmeter_ratelimit_remaining",
  help: "How many of them were left then.",
  labels: ["registry", "has_creds"],
});

export const RATELIMIT_WINDOW = gauge({
  name: "pullmeter_ratelimit_window_seconds",
  help: "Length of that window.",
  labels: ["registry", "has_creds"],
});

export const RATE_LIMITED = counter({
  name: "pullmeter_rate_limited_total",
  help: "Responses 429 that clients were given; `retry_after` tells whether they say when to come again.",
  labels: ["registry", "retry_after"],
});

export const PULLS_IN_PROGRESS = gauge({
  name: "pullmeter_pulls_in_progress",
  help: "Pulls that have begun and are not over yet.",
});

export const UNASSIGNED_REQUESTS = counter({
  name: "pullmeter_unassigned_requests_total",
  help: "Requests that belong to no pull, by reason.",
  labels: ["reason"],
});

export const ASSIGNED_REQUESTS = counter({
  name: "pullmeter_assigned_requests_total",
  help: "Requests that belong to a pull, counted when it finished.",
});

export const BOUNDS_HIT = counter({
  name: "pullmeter_bounds_hit_total",
  help: "Times that a bound on the memory of the pull tracker was hit, by bound.",
  labels: ["bound"],
});

export const REQUESTS = counter({
  name: "pullmeter_requests_total",
  help: "Requests of clients that ended, by outcome: the class of the response's status, or why it is not the registry's whole response.",
  labels: ["registry", "operation", "outcome"],
});

export const RESPONSE_BYTES = counter({
  name: "pullmeter_response_bytes_total",
  help: "Bytes of response bodies that were given to clients, by outcome of the request.",
  labels: ["registry", "outcome"],
});

export const CLIENT_CONNECTIONS = gauge({
  name: "pullmeter_client_connections",
  help: "Open connections of clients.",
});

export const UPSTREAM_REQUESTS = counter({
  name: "pullmeter_upstream_requests_total",
  help: "Requests to upstreams, redirect hops and retries included, by outcome: the class of the status, or why there was none.",
  labels: ["registry", "outcome"],
});

export const UPSTREAM_HEAD_DURATION = histogram({
  name: "pullmeter_upstream_head_duration_seconds",
  help: "Time from a request to an upstream to the head of its response.",
  labels: ["registry"],
  buckets: SECONDS_TO_ANSWER,
});

export const PROXY_HEAD_DURATION = histogram({
  name: "pullmeter_proxy_head_duration_seconds",
  help: "Of the time from a client's request to the head of its response, what was not spent waiting for upstreams.",
  // Seconds, 0.5 ms (an idle proxy) to 1 s (pauses before retries).
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
});

export const REFUSED = counter({
  name: "pullmeter_refused_total",
  help: "Requests and connections that the proxy turned away by its own rules, by reason.",
  labels: ["reason"],
});

export const LABEL_OVERFLOW = counter({
  name: "pullmeter_label_overflow_total",
  help: "Times that a label value was replaced by [OTHER], because the label had as many values as it may have.",
  labels: ["label"],
});

export const TRACES_DROPPED = counter({
  name: "pullmeter_traces_dropped_total",
  help: "Finished pulls whose spans were lost: the receiver did not take them, or too many were waiting.",
});

export const OBSERVER_ERRORS = counter({
  name: "pullmeter_observer_errors_total",
  help: "Mistakes of pullmeter itself while it watched: observations may be missing. The first is in the log.",
});

// Named and meant as those of Prometheus itself, so that alerts for them fit.
export const CONFIG_RELOAD_SUCCESSFUL = gauge({
  name: "pullmeter_config_last_reload_successful",
  help: "Whether the configuration was taken over when it was read last; 0: the one before it goes on. Why is in the log.",
});

export const CONFIG_RELOAD_TIMESTAMP = gauge({
  name: "pullmeter_config_last_reload_success_timestamp_seconds",
  help: "When a configuration was taken over last, in seconds since the Unix epoch.",
});

export const BUILD_INFO = gauge({
  name: "pullmeter_build_info",
  help: "Always 1; the labels tell the version of pullmeter and of Node.js.",
  labels: ["version", "node_version"],
});

/** Own metrics; those of the process come from prom-client. */
export const METRICS = [
  IMAGE_FETCH_DURATION,
  PULL_DURATION,
  PULL_PHASE,
  PULL_FAILURES,
  PULL_TRANSFERRED_BYTES,
  PULL_SKIPPED_BYTES,
  LAYER_THROUGHPUT,
  SERVING_FIRST_BYTE,
  SERVING_THROUGHPUT,
  AUTH,
  PULLS_ENDED,
  RATELIMIT_LIMIT,
  RATELIMIT_REMAINING,
  RATELIMIT_WINDOW,
  RATE_LIMITED,
  PULLS_IN_PROGRESS,
  OLDEST_PULL_AGE,
  UNASSIGNED_REQUESTS,
  ASSIGNED_REQUESTS,
  BOUNDS_HIT,
  REQUESTS,
  RESPONSE_BYTES,
  STALLS,
  TRANSFER_WAIT,
  SLOW_LAYERS,
  BLOBS_VERIFIED,
  TOKEN_REQUESTS,
  TOKEN_DURATION,
  CLIENT_CONNECTIONS,
  UPSTREAM_REQUESTS,
  UPSTREAM_HEAD_DURATION,
  UPSTREAM_REPEATS,
  CIRCUITS_OPEN,
  PROXY_HEAD_DURATION,
  REFUSED,
  LABEL_OVERFLOW,
  TRACES_DROPPED,
  OBSERVER_ERRORS,
  CONFIG_RELOAD_SUCCESSFUL,
  CONFIG_RELOAD_TIMESTAMP,
  WORKER_RESTARTS,
  WORKER_RESIDENT_MEMORY,
  WORKER_CPU,
  BUILD_INFO,
];
