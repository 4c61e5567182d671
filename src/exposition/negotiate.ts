import { chooseOffer, type MediaOffer } from "./accept.ts";
import type { MetricFamily } from "./metric-family.ts";
import { renderOpenMetrics } from "./openmetrics.ts";
import { renderProtobuf } from "./protobuf.ts";
import { renderText } from "./text.ts";

/** What a scrape is answered with. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

interface Format extends MediaOffer {
  readonly contentType: string;
  readonly render: (families: readonly MetricFamily[]) => string | Uint8Array;
}

/** In the order that decides where a scraper likes two as well: text, for people and their tools, comes first. */
const FORMATS: readonly [Format, ...Format[]] = [
  {
    type: "text/plain",
    parameters: { version: "0.0.4" },
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    render: renderText,
  },
  {
    type: "application/openmetrics-text",
    parameters: { version: "1.0.0" },
    contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    render: renderOpenMetrics,
  },
  {
    type: "application/vnd.google.protobuf",
    parameters: { proto: "io.prometheus.client.metricfamily", encoding: "delimited" },
    contentType: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    render: renderProtobuf,
  },
];

/** The families in the format that an `Accept` header likes best. */
export function expose(families: readonly MetricFamily[], accept: string | undefined): Exposition {
  const { contentType, render } = chooseOffer(accept, FORMATS);
  return { contentType, body: render(families) };
}
