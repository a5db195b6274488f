/** The two media types of an answer (GraphQL over HTTP, "Media Types"). */
export type ResponseType = "application/json" | "application/graphql-response+json";

// In the order of our preference where the caller has none.
const offered: readonly ResponseType[] = ["application/json", "application/graphql-response+json"];

type AcceptedRange = { type: string; subtype: string; quality: number };

function toRange(text: string): AcceptedRange | null {
  const [range = "", ...parameters] = text
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const [type, subtype, ...rest] = range.split("/");
  if (!type || !subtype || rest.length > 0) return null;
  // We write UTF-8 only; a range for another encoding does not fit.
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return null;
  const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
  return Number.isNaN(quality) ? null : { type, subtype, quality };
}

/** How well a range names a type: 2 exactly, 1 by its first half, 0 as anything; -1 not at all. */
function toSpecificity({ type, subtype }: AcceptedRange, candidate: ResponseType): number {
  if (`${type}/${subtype}` === candidate) return 2;
  if (subtype !== "*") return -1;
  if (type === "application") return 1;
  return type === "*" ? 0 : -1;
}

/** The most specific range decides on a type (RFC 9110 §12.5.1). */
function toQuality(ranges: readonly AcceptedRange[], candidate: ResponseType): number {
  let best = { specificity: -1, quality: 0 };
  for (const range of ranges) {
    const specificity = toSpecificity(range, candidate);
    if (specificity > best.specificity) best = { specificity, quality: range.quality };
  }
  return best.quality;
}

/** Takes an `Accept` header and gives the media type to answer in, or `null` when none of ours is accepted. */
export function negotiate(accept: string | undefined): ResponseType | null {
  if (accept === undefined || accept.trim() === "") return "application/json";
  const ranges = accept.split(",").flatMap((text) => toRange(text) ?? []);
  const qualities = offered.map((candidate) => ({ candidate, quality: toQuality(ranges, candidate) }));
  const best = qualities.reduce((a, b) => (b.quality > a.quality ? b : a));
  if (best.quality === 0) return null;
  // Of two that are wanted equally, the one that is named first, as most clients mean it.
  const equal = qualities.filter(({ quality }) => quality === best.quality);
  if (equal.length === 1) return best.candidate;
  const first = ranges.find(({ type, subtype }) => equal.some((e) => e.candidate === `${type}/${subtype}`));
  return first === undefined ? best.candidate : (`${first.type}/${first.subtype}` as ResponseType);
}

const maxRemembered = 100;
const maxRememberedLength = 256;

/** Clients send a handful of different headers: each is read once. Bounded, since anybody can send new ones. */
export function createNegotiator(): typeof negotiate {
  const remembered = new Map<string, ResponseType | null>();
  return (accept) => {
    if (accept === undefined) return negotiate(accept);
    const known = remembered.get(accept);
    if (known !== undefined) return known;
    const responseType = negotiate(accept);
    if (remembered.size < maxRemembered && accept.length <= maxRememberedLength) {
      remembered.set(accept, responseType);
    }
    return responseType;
  };
}
