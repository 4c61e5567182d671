import type { Candidate } from "./program.ts";
import { bare } from "./programs/bare.ts";
import { caddy } from "./programs/caddy.ts";
import { direct } from "./programs/direct.ts";
import { dockerRegistry } from "./programs/docker-registry.ts";
import { haproxy } from "./programs/haproxy.ts";
import { nginx } from "./programs/nginx.ts";
import { nodeProxy } from "./programs/node-proxy.ts";
import { pullmeter, pullmeterVariants } from "./programs/pullmeter.ts";

/** The program that every ratio is told against. */
export const REFERENCE = "nginx-64k";

/** All that are measured, in the order of every table. */
export const CANDIDATES: readonly Candidate[] = [
  direct,
  nginx(REFERENCE, 64),
  nginx("nginx", undefined),
  haproxy,
  caddy,
  dockerRegistry,
  nodeProxy("http-proxy"),
  nodeProxy("httpxy"),
  bare,
  pullmeter,
  ...pullmeterVariants,
];
