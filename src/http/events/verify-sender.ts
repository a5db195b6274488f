import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { findBodyJwtProblem } from "./body-jwt.js";
import type { EventSettings } from "./event-settings.js";
import {
  findBodySignatureProblem,
  findSignatureProblem,
  findTimestampedSignatureProblem,
} from "./signatures.js";

/** How a sender authenticated itself, or why it did not. */
type SenderCheck =
  { by: "signature"; messageId: string | undefined } | { by: "bearer-token" } | { by: null; problem: string };

type Delivery = { headers: IncomingHttpHeaders; body: Buffer; nowMs: number };
type Scheme = {
  headers: readonly string[];
  check: (delivery: Delivery, settings: EventSettings) => SenderCheck | Promise<SenderCheck>;
};

const maxAuthorizationLength = 4096;

const reject = (problem: string): SenderCheck => ({ by: null, problem });

function getHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function createStandardWebhooksScheme(prefix: string): Scheme {
  const [idHeader, timestampHeader, signatureHeader] = ["id", "timestamp", "signature"].map(
    (name) => `${prefix}-${name}`,
  ) as [string, string, string];
  return {
    headers: [idHeader, timestampHeader, signatureHeader],
    check({ headers, body, nowMs }, settings) {
      const id = getHeader(headers, idHeader) ?? "";
      const timestamp = getHeader(headers, timestampHeader) ?? "";
      const signature = getHeader(headers, signatureHeader) ?? "";
      if (id === "" || timestamp === "" || signature === "") {
        return reject(
          `The headers ${idHeader}, ${timestampHeader} and ${signatureHeader} are required together.`,
        );
      }
      const problem = findSignatureProblem({ id, timestamp, signature, body }, settings.signingKeys, nowMs);
      return problem === null ? { by: "signature", messageId: id } : reject(problem);
    },
  };
}

function createTimestampedScheme(name: string, unitMs: number, provider: "workos" | "zitadel"): Scheme {
  return {
    headers: [name],
    check({ headers, body, nowMs }, settings) {
      const header = getHeader(headers, name) ?? "";
      const keys = settings.providerKeys[provider];
      const problem = findTimestampedSignatureProblem({ header, unitMs, body }, keys, nowMs);
      return problem === null ? { by: "signature", messageId: undefined } : reject(problem);
    },
  };
}

const fusionauthHeader = "x-fusionauth-signature-jwt";

const fusionauthScheme: Scheme = {
  headers: [fusionauthHeader],
  async check({ headers, body }, settings) {
    const keys = settings.providerKeys.fusionauth;
    const problem = await findBodyJwtProblem(getHeader(headers, fusionauthHeader) ?? "", body, keys);
    return problem === null ? { by: "signature", messageId: undefined } : reject(problem);
  },
};

const keycloakHeader = "x-keycloak-signature";

const keycloakScheme: Scheme = {
  headers: [keycloakHeader],
  check({ headers, body }, settings) {
    const keys = settings.providerKeys.keycloak;
    const problem = findBodySignatureProblem(getHeader(headers, keycloakHeader) ?? "", body, keys);
    return problem === null ? { by: "signature", messageId: undefined } : reject(problem);
  },
};

/**
 * The signature schemes of senders. Those of WorkOS and Zitadel follow the verifiers of these providers,
 * `signature-provider.ts` and `pkg/actions/signing.go`.
 */
const schemes: readonly Scheme[] = [
  createStandardWebhooksScheme("webhook"),
  createStandardWebhooksScheme("svix"),
  createTimestampedScheme("workos-signature", 1, "workos"),
  createTimestampedScheme("zitadel-signature", 1000, "zitadel"),
  fusionauthScheme,
  keycloakScheme,
];

/**
 * Returns the token of an `Authorization` header: of the scheme `Bearer`, or as the password of the scheme `Basic`, which
 * is the only one that some senders offer. The user name of `Basic` is not checked.
 */
function findToken(authorization: string): string | null {
  if (authorization.length > maxAuthorizationLength) return null;
  const [, scheme, credentials] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme === undefined || credentials === undefined) return null;
  if (scheme.toLowerCase() === "bearer") return credentials;
  const userAndPassword = Buffer.from(credentials, "base64").toString();
  const colon = userAndPassword.indexOf(":");
  return colon === -1 ? null : userAndPassword.slice(colon + 1);
}

function checkToken(headers: IncomingHttpHeaders, digests: readonly Buffer[]): SenderCheck {
  const { authorization } = headers;
  if (authorization === undefined) return reject("The request has neither a signature nor a bearer token.");
  const token = findToken(authorization);
  if (token === null) {
    return reject(
      "The Authorization header does not have the format Bearer <token>, or Basic with the token as the password.",
    );
  }
  const digest = hash("sha256", token, "buffer");
  // Compares with every digest, so that the time taken does not reveal which one matches.
  const matches = digests.filter((accepted) => timingSafeEqual(accepted, digest));
  return matches.length > 0 ? { by: "bearer-token" } : reject("Unknown bearer token.");
}

/**
 * Authenticates the sender of a message by its raw body and headers, before anything parses the body.
 *
 * A message with a signature header of one scheme is checked by that scheme alone, and one with headers of two schemes
 * is rejected. Otherwise a sender that has only the weaker credential could appear to have the stronger one. A static
 * bearer token is checked only if there is no signature header.
 */
export function verifySender(
  delivery: Delivery,
  settings: EventSettings,
): SenderCheck | Promise<SenderCheck> {
  const { headers } = delivery;
  const [scheme, another] = schemes.filter((candidate) =>
    candidate.headers.some((name) => headers[name] !== undefined),
  );
  if (scheme === undefined) return checkToken(headers, settings.bearerTokenDigests);
  if (another !== undefined)
    return reject("The request has signature headers of two schemes; send those of one scheme.");
  return scheme.check(delivery, settings);
}
