import type { Protection } from "../access/protection.ts";
import type { Trigger } from "../pull/transfer-event.ts";

/** One address on which clients are served. */
export interface Listener {
  /** Names it in logs and metrics. */
  readonly name: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The one registry behind this listener; absent: requests name it by `ns`, `OCI-Namespace` or a path prefix. */
  readonly registry?: string;
  readonly isolation?: string;
  readonly trigger?: Trigger;
  /** Methods other than GET and HEAD are forwarded. */
  readonly allowPush: boolean;
  /** `relay`: clients ask the proxy for tokens, of whatever registry. Default: they ask the token service. */
  readonly tokens?: "pass" | "relay";
  /** `proc`: look up the peer's process in /proc for each connection (same host only). */
  readonly peerIdentity: "none" | "proc";
  /** As it is when the proxy is made; absent: plain HTTP for everybody. */
  readonly protection?: Protection;
}

/** A listener that listens. */
export interface BoundListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** How clients spell where they reach a listener. */
export function schemeOf({ protection }: Listener): "http" | "https" {
  return protection?.tls === undefined ? "http" : "https";
}
