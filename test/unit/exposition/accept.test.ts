import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { chooseOffer } from "../../../src/exposition/accept.ts";

const TEXT = { type: "text/plain", parameters: { version: "0.0.4" } };
const OPEN_METRICS = { type: "application/openmetrics-text", parameters: { version: "1.0.0" } };
const PROTOBUF = {
  type: "application/vnd.google.protobuf",
  parameters: { proto: "io.prometheus.client.metricfamily", encoding: "delimited" },
};
const OFFERS = [TEXT, OPEN_METRICS, PROTOBUF] as const;

const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3_NATIVE =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

const CASES: ReadonlyArray<readonly [name: string, accept: string | undefined, offer: object]> = [
  ["no header", undefined, TEXT],
  ["an empty header", "", TEXT],
  ["anything", "*/*", TEXT],
  ["curl asking for anything but plain text", "text/plain;q=0, */*", OPEN_METRICS],
  ["Prometheus 2", PROMETHEUS_2, OPEN_METRICS],
  ["Prometheus 3 with native histograms", PROMETHEUS_3_NATIVE, PROTOBUF],
  ["a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT],
  ["any text", "text/*;q=0.5, application/json", TEXT],
  ["only another version", "text/plain;version=1.0.0", TEXT],
  ["upper case and spaces", " Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.9 , text/plain;q=0.1", OPEN_METRICS],
  [
    "a quoted parameter with separators in it",
    'text/plain;version="0,0;4", application/openmetrics-text;version="1.0.0"',
    OPEN_METRICS,
  ],
  [
    "a specific range against a general one",
    "*/*;q=1, text/plain;version=0.0.4;q=0.1, application/openmetrics-text;q=0.2, application/vnd.google.protobuf;q=0",
    OPEN_METRICS,
  ],
  ["everything refused", "*/*;q=0", TEXT],
  ["a malformed weight", "application/openmetrics-text;q=high, text/plain;q=0.5", OPEN_METRICS],
  ["no media ranges at all", ",;,=,;q=1", TEXT],
  ["a header of 10 KiB", `${"x/y,".repeat(2560)}application/openmetrics-text`, TEXT],
];

for (const [name, accept, offer] of CASES) {
  test(`${name} gets ${(offer as typeof TEXT).type}`, () => assert.equal(chooseOffer(accept, OFFERS), offer));
}

test("where only text is offered every header gets it", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (accept) => chooseOffer(accept, [TEXT]) === TEXT));
});
