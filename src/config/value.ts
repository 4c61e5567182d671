import * as z from "zod";
import { parseAddress } from "./address.ts";
import { formatDuration, parseDuration, type Milliseconds } from "./duration.ts";
import { parseHttpUrl } from "./http-url.ts";
import { parseRegistryHost, splitPort } from "../oci/registry-host.ts";
import { parseRegistryPattern } from "./registry-pattern.ts";

// Every kind of value says what is wrong and what was expected in one message: "what; expected what".

/** A text that `parse` turns into a value, or refuses by returning undefined. */
function parsed<Value>(parse: (text: string) => Value | undefined, what: string, expected: string) {
  const error = `not ${what}; expected ${expected}`;
  return z.string({ error }).transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: "custom", message: error, input: text });
    return z.NEVER;
  });
}

/** A text that stays as it is, if `accepts` it. */
function checked(accepts: (text: string) => boolean, what: string, expected: string) {
  const error = `not ${what}; expected ${expected}`;
  return z.string({ error }).refine(accepts, { error });
}

/** 24 hours: a longer wait is a mistake in the unit, and timers end at 2^31 ms, about 24 days. */
const MAX_DURATION_MS = 86_400_000;

/** A duration in Go's notation, in milliseconds once read. */
export function duration(minMs: Milliseconds = 1) {
  const expected = `a duration such as 500ms, 5s or 1m30s, from ${formatDuration(minMs)} to ${formatDuration(MAX_DURATION_MS)}`;
  return parsed(
    (text) => {
      const value = parseDuration(text);
      return value !== undefined && value >= minMs && value <= MAX_DURATION_MS ? value : undefined;
    },
    "a duration in range",
    expected,
  );
}

export function address() {
  return parsed(parseAddress, "an address", 'HOST:PORT, ":PORT" for every address, or "[IPV6]:PORT"');
}

export function integer(min: number, max: number) {
  const error = `not a whole number in range; expected ${min} to ${max}`;
  return z.int({ error, abort: true }).min(min, { error }).max(max, { error });
}

/** A part of the whole, 0 to 1. */
export function share() {
  const error = "not a share; expected a number from 0 (none) to 1 (all)";
  return z.number({ error }).min(0, { error }).max(1, { error });
}

export function flag() {
  return z.boolean({ error: "not a boolean; expected true or false" });
}

export function registryHost() {
  return checked(
    (text) => parseRegistryHost(text) === text,
    "a registry",
    "HOST or HOST:PORT in lower case, such as registry.example.com:5000, without scheme or path",
  );
}

export function hostName() {
  return checked(
    (text) => parseRegistryHost(text) === text && splitPort(text).port === undefined,
    "a host",
    "HOST in lower case, without scheme, port or path",
  );
}

export function registryPattern() {
  return checked(
    (text) => parseRegistryPattern(text) !== undefined,
    "a pattern of registries",
    'a host in lower case with "*" for whole labels, such as *.example.com, or "*" for every registry',
  );
}

/** A base URL: the scheme, host and port where to connect. */
export function baseUrl() {
  return parsed(
    (text) => parseHttpUrl(text, { userInfo: false }),
    "a base URL",
    "http://HOST[:PORT] or https://HOST[:PORT], without user, path or query",
  );
}

/** A URL with a path. */
export function endpointUrl() {
  return parsed(
    (text) => {
      const url = /^https?:\/\/[^/?#]/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
      return url?.username === "" && url.password === "" && url.hash === "" ? url : undefined;
    },
    "a URL",
    "http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH, without user",
  );
}

export function proxyUrl() {
  return parsed(
    (text): URL | "none" | undefined => (text === "none" ? "none" : parseHttpUrl(text, { userInfo: true })),
    "a proxy",
    'http://[USER:PASSWORD@]HOST[:PORT], or "none"',
  );
}

// https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

// /metrics has metrics of these names already: src/metrics/metrics.ts, and those of the process.
const TAKEN_METRIC = /^(?:pullmeter|process|nodejs)_/;

export function metricName() {
  return checked(
    (text) => METRIC_NAME.test(text) && !TAKEN_METRIC.test(text),
    "a metric name that is free to use",
    'letters, digits and "_", not beginning with pullmeter_, process_ or nodejs_; or "none"',
  );
}

// RFC 9110 §5.6.2: token
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

// What clients send for the registry, or for us with another meaning: taken off, it would be missed.
const TAKEN_HEADER =
  /^(?:accept|authorization|connection|content-|cookie|forwarded|host|if-|oci-|proxy-|range|te|trace|trailer|transfer-|upgrade|user-agent|via|x-forwarded-)/;

/** The name of a header that is only ours; lower-case once read. */
export function headerName() {
  return parsed(
    (text) => (TOKEN.test(text) && !TAKEN_HEADER.test(text.toLowerCase()) ? text.toLowerCase() : undefined),
    "a header name that is free to use",
    "a name such as x-pullmeter-isolation",
  );
}

const LABEL_VALUE = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

export function labelValue(longest = 63) {
  const isLabelValue = (text: string): boolean => text.length <= longest && LABEL_VALUE.test(text);
  return checked(isLabelValue, "a label value", `up to ${longest} letters, digits, "_", "." and "-"`);
}

/** No longer than metrics tell it. */
export function isolationValue() {
  return labelValue(32);
}

const NAME = /^[!-~]{1,100}$/;

export function listenerName() {
  return checked((text) => NAME.test(text), "a name", "up to 100 visible ASCII characters without spaces");
}

export function filePath() {
  return checked((text) => text !== "" && !text.includes("\0"), "a path", "the path of a file");
}
