import { errorTable, type ServiceError } from "../core/errors.js";
import { BearerError } from "./bearer-error.js";

/** Returns a quoted string (RFC 9110 §5.6.4) without the characters that a header must not contain. */
const quotedString = (text: string): string =>
  `"${text.replace(/[^\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&")}"`;

/**
 * Returns the `WWW-Authenticate` header of a 401 or 403 (RFC 6750 §3), with `resource_metadata` of RFC 9728 §5.1.
 *
 * The challenge for a request without a token has no `error`. The only description is that the token has expired.
 */
export function toChallengeHeader(
  error: ServiceError,
  options: { resourceMetadataUrl?: string } = {},
): string {
  const bearer = error instanceof BearerError ? error : undefined;
  const parameters: [string, string | undefined][] = [
    ["error", bearer?.bearerError],
    [
      "error_description",
      bearer === undefined || error.message === errorTable[error.code].message ? undefined : error.message,
    ],
    ["scope", bearer?.requiredScope],
    ["resource_metadata", options.resourceMetadataUrl],
  ];
  const formatted = parameters.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${quotedString(value)}`],
  );
  return formatted.length === 0 ? "Bearer" : `Bearer ${formatted.join(", ")}`;
}
