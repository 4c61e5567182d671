/** Times and bounds of every exchange with an upstream. */
export interface UpstreamSettings {
  /** For one connection: name, TCP and the tunnel through a proxy. */
  readonly connectTimeoutMs: number;
  /** For its TLS handshake. */
  readonly tlsTimeoutMs: number;
  /** For the head of the final response of one attempt, connecting and redirects included. */
  readonly headTimeoutMs: number;
  /** For the head that the client gets, all attempts together. Below containerd's 30 s. */
  readonly answerTimeoutMs: number;
  /** For finding the rest of a body that was cut or stalled, without a byte of it. */
  readonly resumeTimeoutMs: number;
  /** Without a byte in the middle of a body that somebody is reading. */
  readonly stallTimeoutMs: number;
  /** Largest head of a response. */
  readonly maxHeadBytes: number;
}
