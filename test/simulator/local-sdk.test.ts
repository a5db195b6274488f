import { expect, onTestFinished, test } from "vitest";

import { startTestSimulator } from "../support/simulator.js";

/** Reads the issuer and the inner token as the SDK for iOS does. */
function readToken(signInToken: unknown): { issuer: string; userToken: string } {
  const envelope = JSON.parse(Buffer.from(String(signInToken), "base64").toString()) as {
    user_token: string;
  };
  const claims = Buffer.from(envelope.user_token.split(".")[1] ?? "", "base64").toString();
  return { issuer: (JSON.parse(claims) as { iss: string }).iss, userToken: envelope.user_token };
}

test.each(["sk_us_1", "sk_eu_1", "pk_us_1", "pk_eu_1"])(
  "with a key such as %s, a token for an SDK on this computer directs the SDK for iOS to localhost, and works there",
  async (key) => {
    const vital = await startTestSimulator({ isForLocalSdk: true });
    onTestFinished(() => vital.close());
    const vitalUserId = await vital.createId("local", key);
    const { issuer, userToken } = readToken((await vital.token(vitalUserId, key)).body.sign_in_token);
    const [, environment, region] =
      /^id-signer-([a-z]+)-([a-z]+)@vital-id-[a-z]+-[a-z]+.iam.gserviceaccount.com$/.exec(issuer) ?? [];
    // The only pair that the SDK for iOS maps to localhost.
    expect([environment, region]).toEqual(["local", "eu"]);

    const form = new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:junction:sign-in-token",
      subject_token: userToken,
    });
    const session = await vital.call("POST", "/auth/v1/token", {
      key: null,
      raw: form.toString(),
      contentType: "application/x-www-form-urlencoded",
    });
    const headers = { authorization: `Bearer ${String(session.body.access_token)}` };
    const path = `/v2/user/providers/${vitalUserId.toUpperCase()}`;
    expect((await vital.call("GET", path, { key: null, headers })).body).toEqual({ providers: [] });
  },
);
