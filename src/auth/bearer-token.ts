import { ServiceError } from "../core/errors.js";
import { BearerError } from "./bearer-error.js";
import { describePlaceholder } from "./tokens/token-placeholders.js";

/**
 * The `rawHeaders` of Node.js (alternating names and values), or headers by lower-case name. Prefer `rawHeaders`: in the
 * other format, Node.js keeps only the first of two `Authorization` headers.
 */
export type RequestHeaders =
  readonly string[] | Readonly<{ authorization?: string | readonly string[] | undefined }>;

function listAuthorizations(headers: RequestHeaders): readonly string[] {
  if ("authorization" in headers || !Array.isArray(headers)) {
    const { authorization } = headers as { authorization?: string | readonly string[] };
    return authorization === undefined
      ? []
      : typeof authorization === "string"
        ? [authorization]
        : authorization;
  }
  const raw = headers as readonly string[];
  const values: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (name.length === 13 && name.toLowerCase() === "authorization") values.push(raw[index + 1] ?? "");
  }
  return values;
}

const invalidToken = (reason: string, { isPlaceholder = false } = {}) =>
  new BearerError("UNAUTHENTICATED", { reason, bearerError: "invalid_token", isPlaceholder });

const noToken = (reason: string) => new ServiceError("UNAUTHENTICATED", { reason });

/**
 * Returns the bearer token of a request (RFC 6750 §2.1). The scheme is case-insensitive (RFC 9110 §11.1).
 *
 * @throws BearerError `invalid_token` when the header is malformed or repeated
 * @throws ServiceError `UNAUTHENTICATED` when the request has no credentials or uses another scheme (RFC 6750 §3.1: the
 * challenge then contains no error code)
 */
export function readBearerToken(headers: RequestHeaders): string {
  const [authorization, ...others] = listAuthorizations(headers);
  if (authorization === undefined) {
    throw noToken("no Authorization header");
  }
  if (others.length > 0) throw invalidToken("more than one Authorization header");
  if (authorization.length > 7 && authorization.slice(0, 7).toLowerCase() === "bearer ") {
    return authorization.slice(7).trim();
  }
  const text = authorization.replace(/^bearer *$/i, "");
  const placeholder = /^bearer/i.test(text) ? null : describePlaceholder(text);
  if (placeholder !== null) {
    throw invalidToken(`${placeholder.reason}; ${placeholder.fix}`, { isPlaceholder: true });
  }
  const scheme = /^([!#$%&'*+.^_`|~\w-]{1,20})(?: |$)/.exec(authorization)?.[1]?.toLowerCase();
  if (scheme === "dpop") {
    throw noToken("the scheme is DPoP, but bound tokens are not supported; turn off DPoP for this API");
  }
  const reason = "the Authorization header does not use the Bearer scheme";
  throw scheme === undefined ? invalidToken(reason) : noToken(reason);
}
