import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { bodyTokenProblem } from "./body-jwt.js";
import type { EventSettings } from "./event-settings.js";
import { signatureProblem, timestampedSignatureProblem } from "./signatures.js";

export type Proof =
  { by: "signature"; messageId: string | undefined } | { by: "bearer" } | { by: "nothing"; problem: string };

type Delivery = { headers: IncomingHttpHeaders; body: Buffer; nowMs: number };
type Check = (delivery: Delivery, settings: EventSettings) => Proof | Promise<Proof>;
type Scheme = { headers: readonly string[]; check: Check };

const maxAuthorizationLength = 4096;

const refuse = (problem: string): Proof => ({ by: "nothing", problem });

function getHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function standardWebhooks(prefix: string): Scheme {
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
        return refuse(`${idHeader}, ${timestampHeader} and ${signatureHeader} are needed together`);
      }
      const problem = signatureProblem({ id, timestamp, signature, body }, settings.signingKeys, nowMs);
      return problem === null ? { by: "signature", messageId: id } : refuse(problem);
    },
  };
}

function timestampedHeader(name: string, unitMs: number, source: "workos" | "zitadel"): Scheme {
  return {
    headers: [name],
    check({ headers, body, nowMs }, settings) {
      const header = getHeader(headers, name) ?? "";
      const keys = settings.providerKeys[source];
      const problem = timestampedSignatureProblem({ header, unitMs, body }, keys, nowMs);
      return problem === null ? { by: "signature", messageId: undefined } : refuse(problem);
    },
  };
}

const fusionauthHeader = "x-fusionauth-signature-jwt";

const fusionauth: Scheme = {
  headers: [fusionauthHeader],
  async check({ headers, body }, settings) {
    const keys = settings.providerKeys.fusionauth;
    const problem = await bodyTokenProblem(getHeader(headers, fusionauthHeader) ?? "", body, keys);
    return problem === null ? { by: "signature", messageId: undefined } : refuse(problem);
  },
};

/** How senders sign. WorkOS and Zitadel: their own verifiers, `signature-provider.ts` and `pkg/actions/signing.go`. */
const schemes: readonly Scheme[] = [
  standardWebhooks("webhook"),
  standardWebhooks("svix"),
  timestampedHeader("workos-signature", 1, "workos"),
  timestampedHeader("zitadel-signature", 1000, "zitadel"),
  fusionauth,
];

function checkBearerToken(headers: IncomingHttpHeaders, digests: readonly Buffer[]): Proof {
  const authorization = headers.authorization;
  if (authorization === undefined) return refuse("there is neither a signature nor a bearer token");
  const token = authorization.length > maxAuthorizationLength ? null : /^Bearer +(\S+)$/i.exec(authorization);
  if (token?.[1] === undefined) return refuse("the Authorization header is not of the form Bearer <token>");
  const digest = hash("sha256", token[1], "buffer");
  // All are compared, whichever fits.
  const fits = digests.filter((accepted) => timingSafeEqual(accepted, digest));
  return fits.length > 0 ? { by: "bearer" } : refuse("the bearer token is not one of ours");
}

/**
 * Judges who sent a message, on its raw body, before anything reads it.
 *
 * A message that carries a signature header of any scheme is judged by that scheme alone, and one with headers of two
 * schemes by none: otherwise whoever holds the weaker proof could send what looks like the stronger. A static bearer
 * token counts only where there is no signature header.
 */
export function findProof(delivery: Delivery, settings: EventSettings): Proof | Promise<Proof> {
  const { headers } = delivery;
  const [scheme, another] = schemes.filter((candidate) =>
    candidate.headers.some((name) => headers[name] !== undefined),
  );
  if (scheme === undefined) return checkBearerToken(headers, settings.bearerTokenDigests);
  if (another !== undefined) return refuse("the signature headers of two schemes are mixed");
  return scheme.check(delivery, settings);
}
