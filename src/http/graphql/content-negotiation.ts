/** The two media types of a response (GraphQL over HTTP, "Media Types"). */
export type ResponseType = "application/json" | "application/graphql-response+json";

// In our order of preference, for callers that have none.
const offered: readonly ResponseType[] = ["application/json", "application/graphql-response+json"];

type AcceptedRange = { type: string; subtype: string; quality: number };

function parseRange(text: string): AcceptedRange | null {
  const [range = "", ...parameters] = text
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const [type, subtype, ...rest] = range.split("/");
  if (!type || !subtype || rest.length > 0) return null;
  // Responses are UTF-8 only; a range for another encoding does not match.
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return null;
  const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
  return Number.isNaN(quality) ? null : { type, subtype, quality };
}

/** Returns how specifically a range matches: 2 if exactly, 1 if as `application/*`, 0 if as a full wildcard; otherwise -1. */
function toSpecificity({ type, subtype }: AcceptedRange, candidate: ResponseType): number {
  if (`${type}/${subtype}` === candidate) return 2;
  if (subtype !== "*") return -1;
  if (type === "application") return 1;
  return type === "*" ? 0 : -1;
}

/** Returns the quality of a type: that of the most specific range that matches it (RFC 9110 §12.5.1). */
function toQuality(ranges: readonly AcceptedRange[], candidate: ResponseType): number {
  let best = { specificity: -1, quality: 0 };
  for (const range of ranges) {
    const specificity = toSpecificity(range, candidate);
    if (specificity > best.specificity) best = { specificity, quality: range.quality };
  }
  return best.quality;
}

/** Chooses the media type of the response by an `Accept` header; returns `null` if the header accepts neither type. */
export function negotiate(accept: string | undefined): ResponseType | null {
  if (accept === undefined || accept.trim() === "") return "application/json";
  const ranges = accept.split(",").flatMap((text) => parseRange(text) ?? []);
  const qualities = offered.map((candidate) => ({ candidate, quality: toQuality(ranges, candidate) }));
  const best = qualities.reduce((a, b) => (b.quality > a.quality ? b : a));
  if (best.quality === 0) return null;
  // If both have the same quality, the first one in the header is used: most clients list them by preference.
  const equal = qualities.filter(({ quality }) => quality === best.quality);
  if (equal.length === 1) return best.candidate;
  const first = ranges.find(({ type, subtype }) => equal.some((e) => e.candidate === `${type}/${subtype}`));
  return first === undefined ? best.candidate : (`${first.type}/${first.subtype}` as ResponseType);
}

const maxCached = 100;
const maxCachedLength = 256;

/**
 * Creates a `negotiate` that caches its results: clients send only a few different headers. The cache is bounded,
 * because any client can send new ones.
 */
export function createNegotiator(): typeof negotiate {
  const cache = new Map<string, ResponseType | null>();
  return (accept) => {
    if (accept === undefined) return negotiate(accept);
    const cached = cache.get(accept);
    if (cached !== undefined) return cached;
    const responseType = negotiate(accept);
    if (cache.size < maxCached && accept.length <= maxCachedLength) {
      cache.set(accept, responseType);
    }
    return responseType;
  };
}
