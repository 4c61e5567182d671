import * as z from "zod";
import { duration, integer } from "./value.ts";

// The part of the schema about how long to wait for what.

export const timeouts = z.strictObject({
  connect: duration()
    .prefault("5s")
    .describe("For connecting to an upstream: its name, TCP and a proxy's tunnel; then the client gets a 502."),
  tls: duration()
    .prefault("10s")
    .describe(
      "For the TLS handshake with an upstream; then a blob is asked for again, other clients get a 502. As long as Go's clients wait: a registry under load accepts long before it answers.",
    ),
  header: duration()
    .prefault("20s")
    .describe(
      "Until the head of an upstream's response, connecting and redirects included, each time that it is asked; then it is asked again while `answer` lasts, or the client gets a 504.",
    ),
  answer: duration()
    .prefault("28s")
    .describe(
      "Until a client has the head of its response, however often its request was tried. Below the 30 s that containerd waits.",
    ),
  resume: duration(0)
    .prefault("30s")
    .describe(
      "How long the rest of a blob is looked for, without a byte of it, when its connection was cut or stalled; then the client is cut off. 0 leaves it to clients.",
    ),
  stall: duration()
    .prefault("60s")
    .describe("Without a byte from the upstream in the middle of a body; then the rest is asked for anew."),
  clientHeader: duration().prefault("15s").describe("For the head of a client's request; slower clients are cut off."),
  clientBody: duration()
    .prefault("60s")
    .describe(
      "Without a byte of a request's body (a push) from its client; then it is cut off. A client that reads slowly never is.",
    ),
  keepAlive: duration()
    .prefault("2m")
    .describe(
      "How long a client may keep an idle connection. Longer than the 90 s of Go's clients, so that they close it.",
    ),
  drain: duration(0)
    .prefault("25s")
    .describe("For pulls under way to finish after SIGTERM. Below the 30 s that Kubernetes waits before it kills."),
});

// Names and defaults are those of src/pull/settings.ts, where their reasons are; a test compares them.
export const tracker = z.strictObject({
  daemonSettle: duration()
    .prefault("2s")
    .describe("Quiet time after which the pull of a daemon (containerd, Docker) is over."),
  processSettle: duration()
    .prefault("5s")
    .describe("The same for a process of its own (podman, buildah, CRI-O) that opens a connection for each request."),
  keepAliveSettle: duration()
    .prefault("30s")
    .describe("The same for a process that keeps its connections, should their close not be seen."),
  failedSettle: duration().prefault("1s").describe("The same after a blob whose failure ends the pull."),
  pullRetryWait: duration()
    .prefault("8s")
    .describe("How long a failed pull waits for podman, buildah or CRI-O to repeat it as a whole."),
  dockerRetryWait: duration()
    .prefault("25s")
    .describe("How long a pull of Docker waits for a failed layer's repetition."),
  rateLimitedWait: duration().prefault("60s").describe("How long a pull waits at most after a 429."),
  settleCap: duration()
    .prefault("15m")
    .describe("How long a pull stays open at most because another one downloads what it needs."),
  transferCap: duration().prefault("6h").describe("How long a single transfer may last before it counts as lost."),
  maxPulls: integer(1, 1_000_000)
    .default(5000)
    .describe("Most live pulls at once; beyond it the oldest is observed with cause `proxy`. About 20 KiB each."),
  maxManifests: integer(1, 1_000_000)
    .default(4096)
    .describe("Most manifests remembered by digest, to know an image's layers. About 2 KiB each."),
});
