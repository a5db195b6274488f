/** The fields that the mobile SDK reads from a sign-in token. */
type DecodedSignInToken = {
  publicKey: string;
  /** The inner JWT, which the SDK exchanges. */
  userToken: string;
  environment: "dev" | "stg" | "prd";
  region: "us" | "eu";
  vitalUserId: string;
  tenantId: string;
  teamId: string;
};

const standardBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const issuerPattern =
  /^id-signer-(?<environment>[a-z]+)-(?<region>[a-z]+)@vital-id-[a-z]+-[a-z]+.iam.gserviceaccount.com$/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const environments = ["dev", "stg", "prd"] as const;
const regions = ["us", "eu"] as const;

type JsonObject = Record<string, unknown>;

function parseObject(base64: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64")));
  } catch {
    throw new Error(`${what} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${what} is not a JSON object`);
  }
  return value as JsonObject;
}

function getString(object: JsonObject, key: string, what: string): string {
  const value = object[key];
  if (typeof value !== "string") throw new Error(`${key} of ${what} is missing or not a string`);
  return value;
}

/** iOS pads a segment and then decodes it with the standard alphabet. */
function parseSegment(segment: string, index: number): JsonObject {
  if (!/^[A-Za-z0-9+/]+$/.test(segment)) {
    throw new Error(
      `segment ${index} of user_token contains characters outside the standard base64 alphabet`,
    );
  }
  return parseObject(segment, `segment ${index} of user_token`);
}

function checkHeader(header: JsonObject): void {
  if (Object.values(header).some((value) => typeof value !== "string")) {
    throw new Error("a header value of user_token is not a string");
  }
  if (header.alg !== "RS256") throw new Error("alg of user_token is not RS256");
  if (header.typ !== "JWT") throw new Error("typ of user_token is not JWT");
}

function parseIssuer(issuer: string) {
  const { environment, region } = issuerPattern.exec(issuer)?.groups ?? {};
  const known = {
    environment: environments.find((name) => name === environment),
    region: regions.find((name) => name === region),
  };
  if (known.environment === undefined || known.region === undefined) {
    throw new Error("iss of user_token does not contain a known environment and region");
  }
  return { environment: known.environment, region: known.region };
}

/**
 * Decodes a sign-in token by the rules of both mobile SDKs (the stricter rule where they differ). The signature is not
 * verified, because the device does not verify it either.
 *
 * @param text the `sign_in_token` of Vital's response.
 * @throws Error with the rule that the token breaks. The message never contains the token.
 */
export function decodeSignInToken(text: string): DecodedSignInToken {
  if (text === "" || !standardBase64.test(text))
    throw new Error("the envelope is not padded standard base64");
  const envelope = parseObject(text, "the envelope");
  const publicKey = getString(envelope, "public_key", "the envelope");
  const userToken = getString(envelope, "user_token", "the envelope");
  const [header, body, signature, ...rest] = userToken.split(".");
  if (header === undefined || body === undefined || signature === undefined || rest.length > 0) {
    throw new Error("user_token does not have three parts");
  }
  checkHeader(parseSegment(header, 0));
  const claims = parseSegment(body, 1);
  const vitalUserId = getString(claims, "uid", "user_token");
  if (!uuid.test(vitalUserId)) throw new Error("uid of user_token is not a UUID");
  const { claims: custom } = claims;
  if (typeof custom !== "object" || custom === null) throw new Error("user_token has no claims object");
  return {
    publicKey,
    userToken,
    ...parseIssuer(getString(claims, "iss", "user_token")),
    vitalUserId,
    tenantId: getString(claims, "tenant_id", "user_token"),
    teamId: getString(custom as JsonObject, "vital_team_id", "user_token"),
  };
}
