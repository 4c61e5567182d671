import { counter, gauge } from "./definition.ts";

// Metrics of the processes that serve clients, where there are several. Part of the page that docs/metrics.md is printed from.

export const WORKER_RESTARTS = counter({
  name: "pullmeter_worker_restarts_total",
  help: "Processes that served clients (`workers`) and died; another took the place of each, and what they served failed.",
});

export const WORKER_RESIDENT_MEMORY = gauge({
  name: "pullmeter_worker_resident_memory_bytes",
  help: "Memory of each process that serves clients (`workers`); the `process_` metrics are of the one that puts pulls together.",
  labels: ["worker"],
});

export const WORKER_CPU = counter({
  name: "pullmeter_worker_cpu_seconds_total",
  help: "User and system time of each process that serves clients, and of those that served in its place.",
  labels: ["worker"],
});
