import { generateKeyPair, randomUUID, sign, verify } from "node:crypto";
import { promisify } from "node:util";

import type { Caller } from "./api-key.js";

/** One hour: the longest lifetime of Google's custom tokens, whose format these tokens have. */
const lifetimeSeconds = 3600;

const toSegment = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Signs and verifies RS256 JWTs with a key pair created for this process. A token from another run is invalid.
 *
 * Claims must be plain ASCII without `~`, `?` and `>`. Only other characters put `-` or `_` into a segment, which the iOS
 * SDK rejects as malformed.
 */
export async function createTokenSigner({ now }: { now: () => number }) {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const header = toSegment({ alg: "RS256", typ: "JWT", kid: randomUUID() });

  return {
    sign(claims: object): string {
      const issuedAt = Math.floor(now() / 1000);
      const times = { iat: issuedAt, exp: issuedAt + lifetimeSeconds };
      const content = `${header}.${toSegment({ ...claims, ...times, jti: randomUUID() })}`;
      return `${content}.${sign("sha256", Buffer.from(content), privateKey).toString("base64url")}`;
    },

    /** Returns the claims of a token that was signed here and has not expired; otherwise `null`. */
    verify(token: string): Record<string, unknown> | null {
      const [head, body, signature, ...rest] = token.split(".");
      if (head !== header || body === undefined || signature === undefined || rest.length > 0) return null;
      const content = Buffer.from(`${head}.${body}`);
      if (!verify("sha256", content, publicKey, Buffer.from(signature, "base64url"))) return null;
      const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
      return Number(claims.exp) * 1000 > now() ? claims : null;
    },
  };
}
export type TokenSigner = Awaited<ReturnType<typeof createTokenSigner>>;

/** The SDK for iOS follows this issuer to port 8000 of localhost, in every build. The SDK for Android rejects it. */
const localIssuer = "id-signer-local-eu@vital-id-local-eu.iam.gserviceaccount.com";

/** The SDK derives environment and region, and with them the hosts that it calls, from this name alone. */
function toIssuer({ environment, region }: Caller): string {
  const stage = `${environment === "production" ? "prd" : "stg"}-${region}`;
  return `id-signer-${stage}@vital-id-${stage}.iam.gserviceaccount.com`;
}

/**
 * Creates the `sign_in_token` of Vital's response: base64 JSON around a signed token for one user.
 *
 * @param options.isForLocalSdk whether the token sends the SDK to this computer instead of Vital.
 */
export function createSignInTokenText(
  signer: TokenSigner,
  caller: Caller,
  vitalUserId: string,
  { isForLocalSdk }: { isForLocalSdk: boolean },
): string {
  const issuer = isForLocalSdk ? localIssuer : toIssuer(caller);
  const userToken = signer.sign({
    iss: issuer,
    sub: issuer,
    aud: "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
    uid: vitalUserId,
    tenant_id: `t-${caller.environment}-${caller.region}`,
    claims: { vital_team_id: caller.teamId },
  });
  const envelope = { public_key: "vital-simulator-public-key", user_token: userToken };
  return Buffer.from(JSON.stringify(envelope)).toString("base64");
}
