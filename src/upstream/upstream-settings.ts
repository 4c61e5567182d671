/** Times and bounds of every exchange with an upstream. */
export interface UpstreamSettings {
  /** For one connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** For the head of the final response, redirects included. Together with connecting below containerd's 30 s. */
  readonly headTimeoutMs: number;
  /** Without a byte in the middle of a body that somebody is reading. */
  readonly stallTimeoutMs: number;
  /** Largest head of a response. */
  readonly maxHeadBytes: number;
}
