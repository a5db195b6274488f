import { ServiceError } from "../core/errors.js";

/**
 * Node's `rawHeaders` (names and values in turn), or headers by lower-case name. Prefer the former: node keeps only
 * the first of two `Authorization` headers in the latter.
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

const invalidToken = (reason: string) =>
  new ServiceError("UNAUTHENTICATED", { reason, bearerError: "invalid_token" });

const noToken = (reason: string) => new ServiceError("UNAUTHENTICATED", { reason });

/**
 * Gives the bearer token of a request (RFC 6750 §2.1; RFC 9110 §11.1: the scheme in any case).
 *
 * @throws ServiceError `UNAUTHENTICATED`: without `bearerError` when the request carries no credentials, or those of
 * another scheme (RFC 6750 §3.1: such a request is told how to authenticate, not what is wrong with its token).
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
  const scheme = /^([!#$%&'*+.^_`|~\w-]{1,20})(?: |$)/.exec(authorization)?.[1]?.toLowerCase();
  if (scheme === "bearer") throw invalidToken("an empty token");
  if (scheme === "dpop") {
    throw noToken("scheme DPoP: bound tokens are not accepted; switch the binding off for this API");
  }
  const reason = "the Authorization header is not of scheme Bearer";
  throw scheme === undefined ? invalidToken(reason) : noToken(reason);
}
