import { counter, gauge, histogram } from "./definition.ts";

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

export const PULLS_IN_PROGRESS = gauge({
  name: "pullmeter_pulls_in_progress",
  help: "Pulls that have begun and are not over yet.",
});

export const UNASSIGNED_REQUESTS = counter({
  name: "pullmeter_unassigned_requests_total",
  help: "Requests that belong to no pull, by reason.",
  labels: ["reason"],
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
  // Seconds: 5 ms is a registry next door; 30 s is when the proxy gives up.
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
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

export const BUILD_INFO = gauge({
  name: "pullmeter_build_info",
  help: "Always 1; the labels tell the version of pullmeter and of Node.js.",
  labels: ["version", "node_version"],
});

/** Own metrics; those of the process come from prom-client. */
export const METRICS = [
  IMAGE_FETCH_DURATION,
  PULL_DURATION,
  PULLS_IN_PROGRESS,
  UNASSIGNED_REQUESTS,
  BOUNDS_HIT,
  REQUESTS,
  RESPONSE_BYTES,
  CLIENT_CONNECTIONS,
  UPSTREAM_REQUESTS,
  UPSTREAM_HEAD_DURATION,
  REFUSED,
  LABEL_OVERFLOW,
  BUILD_INFO,
];
