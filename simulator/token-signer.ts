import { generateKeyPair, randomUUID, sign, verify } from "node:crypto";
import { promisify } from "node:util";

import type { Caller } from "./api-key.js";

/** An hour: the most that Google's custom tokens, whose form these have, may live. */
const lifetimeSeconds = 3600;

const toSegment = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Signs and checks RS256 JWTs with a key pair made for this process. A token of another run is a forged one.
 *
 * Claims must be plain ASCII without `~`, `?` and `>`: only these put `-` or `_` into a segment, which the iOS SDK
 * refuses as malformed.
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

    /** The claims of a token signed here and not expired; else `null`. */
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

/** Environment and region of the SDK come from this name alone. */
function toIssuer({ environment, region }: Caller): string {
  const stage = `${environment === "production" ? "prd" : "stg"}-${region}`;
  return `id-signer-${stage}@vital-id-${stage}.iam.gserviceaccount.com`;
}

/** The text that Vital's sign_in_token call gives: base64 JSON around a signed token for one user. */
export function mintSignInToken(signer: TokenSigner, caller: Caller, vitalUserId: string): string {
  const issuer = toIssuer(caller);
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
