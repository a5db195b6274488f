import { z } from "zod";

/** The content of a sign-in token, which is standard base64 of JSON. Source: the open-source Vital Mobile SDKs. */
const Envelope = z.object({ public_key: z.string(), user_token: z.string() });

/** The claims that the SDK reads. It does not check the signature. */
const Claims = z.object({
  iss: z.string().regex(/^id-signer-[a-z]+-[a-z]+@vital-id-[a-z]+-[a-z]+\.iam\.gserviceaccount\.com$/),
  uid: z.uuid(),
  tenant_id: z.string(),
  claims: z.object({ vital_team_id: z.string() }),
});

const User = z.object({ user_id: z.uuid() });

const Session = z.object({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number() });

const parseBase64 = (text: string): unknown => JSON.parse(Buffer.from(text, "base64").toString());

/**
 * Uses a sign-in token as the Vital Mobile SDK does: extracts the JWT from the envelope, reads the user id, and exchanges
 * the JWT for a session at `POST /v1/token` (RFC 8693) of the identity host. Then makes the first call with that session.
 *
 * @param vitalUrl the identity host and the API. The simulator serves both.
 * @returns the Vital user that is now signed in. The session itself is discarded.
 * @throws Error that says why the SDK would fail. The message never contains a token.
 */
export async function signInToVital(vitalUrl: string, signInToken: string): Promise<{ vitalUserId: string }> {
  const { userToken, vitalUserId } = readSignInToken(signInToken);
  const response = await fetch(`${vitalUrl}/v1/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:junction:sign-in-token",
      subject_token: userToken,
    }),
  });
  if (response.status !== 200) throw new Error(`Vital rejected the sign-in token (HTTP ${response.status})`);
  const session = Session.safeParse(await response.json()).data;
  if (session === undefined) throw new Error("Vital's response contains no session");
  await assertSessionOpens(vitalUrl, session.access_token, vitalUserId);
  return { vitalUserId };
}

/** Reads the user with the access token, as the SDK does. */
async function assertSessionOpens(vitalUrl: string, accessToken: string, vitalUserId: string): Promise<void> {
  const response = await fetch(`${vitalUrl}/v2/user/${vitalUserId}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  if (response.status !== 200) throw new Error(`Vital rejected the session (HTTP ${response.status})`);
  if (User.safeParse(await response.json()).data?.user_id !== vitalUserId) {
    throw new Error("Vital's response to the session is about another user");
  }
}

function readSignInToken(signInToken: string): { userToken: string; vitalUserId: string } {
  try {
    const { user_token: userToken } = Envelope.parse(parseBase64(signInToken));
    const claims = Claims.parse(parseBase64(userToken.split(".")[1] ?? ""));
    return { userToken, vitalUserId: claims.uid };
  } catch {
    throw new Error("the sign-in token does not have the format that the Vital Mobile SDK expects");
  }
}
