/** One media range of an `Accept` header. RFC 9110 §12.5.1. */
interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** What can be answered, described as a media range would ask for it. */
export interface MediaOffer {
  /** type/subtype, lower-case. */
  readonly type: string;
  /** Parameters that a range may name; a range that names another value, or another parameter, does not match. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The offer that the client likes best; among equals the first. The first offer too if it likes none: scrapers that
 * get an error instead of text learn nothing, so Prometheus's own clients fall back as well.
 */
export function chooseOffer<Offer extends MediaOffer>(
  accept: string | undefined,
  offers: readonly [Offer, ...Offer[]],
): Offer {
  const ranges = parseAccept(accept ?? "*/*");
  let [best] = offers;
  let bestQuality = 0;
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges);
    if (quality > bestQuality) [best, bestQuality] = [offer, quality];
  }
  return best;
}

/** 8 KiB: far beyond any scraper's header (Prometheus 3 sends about 300 bytes). */
const MAX_ACCEPT_LENGTH = 8192;

function parseAccept(accept: string): readonly MediaRange[] {
  if (accept.length > MAX_ACCEPT_LENGTH) return [];
  return splitOutsideQuotes(accept, ",")
    .map(parseRange)
    .filter((range) => range !== undefined);
}

function parseRange(text: string): MediaRange | undefined {
  const [type = "", ...rest] = splitOutsideQuotes(text, ";").map((part) => part.trim());
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return undefined;
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const [name = "", ...value] = parameter.split("=");
    if (name !== "") parameters.set(name.trim().toLowerCase(), unquote(value.join("=").trim()).toLowerCase());
  }
  const quality = parseQuality(parameters.get("q"));
  parameters.delete("q");
  return { type: type.toLowerCase(), parameters, quality };
}

// RFC 9110 §12.4.2: 0 to 1 with up to three decimals. A range with a malformed weight counts as one without.
function parseQuality(text = "1"): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1;
}

function splitOutsideQuotes(text: string, separator: "," | ";"): readonly string[] {
  return text.match(separator === "," ? /(?:"(?:[^"\\]|\\.)*"|[^",])+/g : /(?:"(?:[^"\\]|\\.)*"|[^";])+/g) ?? [];
}

function unquote(value: string): string {
  return /^".*"$/.test(value) ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
}

/** RFC 9110 §12.5.1: the most specific range that matches decides. */
function qualityOf(offer: MediaOffer, ranges: readonly MediaRange[]): number {
  let quality = 0;
  let bestSpecificity = -1;
  for (const range of ranges) {
    const specificity = matchSpecificity(offer, range);
    if (specificity > bestSpecificity) [quality, bestSpecificity] = [range.quality, specificity];
  }
  return quality;
}

/** -1: no match; 0: all types; 1: all subtypes; 2 and more: the type, and each parameter of it. */
function matchSpecificity(offer: MediaOffer, range: MediaRange): number {
  const [type] = offer.type.split("/");
  if (range.type === "*/*") return 0;
  if (range.type === `${type}/*`) return 1;
  if (range.type !== offer.type) return -1;
  for (const [name, value] of range.parameters) {
    // Prometheus 3 adds `escaping=…` to every range: how to spell names that are no plain words, which ours all are.
    if (name !== "escaping" && name !== "charset" && offer.parameters[name] !== value) return -1;
  }
  return 2 + range.parameters.size;
}
