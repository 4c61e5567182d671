/** What the client's process is asked to do, and what it answers. */
export type Job =
  /** Reads all of them at once, each on a connection of its own. */
  | { readonly kind: "read"; readonly requests: readonly ReadRequest[] }
  /** Opens connections that read slowly. Answered when each has seen its head; they go on until `release`. */
  | {
      readonly kind: "hold";
      readonly port: number;
      readonly path: string;
      readonly connections: number;
      readonly bytesPerSecond: number;
    }
  /** Opens connections that ask for nothing. They stay until `release`. */
  | { readonly kind: "connect"; readonly port: number; readonly connections: number }
  | { readonly kind: "release" }
  /** Opens connections that go away in the middle of the body. */
  | {
      readonly kind: "cut";
      readonly port: number;
      readonly path: string;
      readonly connections: number;
      readonly afterBytes: number;
    };

export interface ReadRequest {
  readonly port: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** `sha256:…` of the body. Absent: the body is counted and thrown away. */
  readonly digest?: string;
}

export interface JobResult {
  readonly seconds: number;
  readonly bodyBytes: number;
  /** One for each request that did not go as it should. */
  readonly problems: readonly string[];
}
