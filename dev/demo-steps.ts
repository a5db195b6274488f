import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import mongoose from "mongoose";
import { z } from "zod";
import { toAppUserId, type AppUserId } from "../src/core/mapping/app-user-id.js";
import { mappingCollection, type MappingDocument } from "../src/mongo/mapping-document.js";
import { localAudience } from "./local-settings.js";
import type { LocalStack } from "./local-stack.js";
import { publishSignup } from "./publish-signup.js";
import { signIn } from "./sign-in.js";
import { signInToVital } from "./vital-sdk.js";

/** The ids that the demo created and the durations that it measured. */
type DemoResult = {
  appUserId: AppUserId;
  vitalUserId: string;
  environment: string;
  region: string;
  /** Time from the accepted signup event to the active mapping. */
  provisionedMs: number;
  /** Duration of one mutation request. */
  tokenMs: number;
  /** The SDK exchanged the token for a session. */
  exchanged: true;
};

/** Runs one step and prints its title, its result and how long it took. */
export type RunStep = <T>(
  step: { title: string; hint: string; toDetails: (result: T) => readonly string[] },
  work: () => Promise<T>,
) => Promise<T>;

const timeoutMs = 15_000;
const pollMs = 20;

/** A token is never printed in full, not even in a demo. */
const shorten = (token: string) => `${token.slice(0, 24)}…`;

const createAppUserId = (): AppUserId => {
  const appUserId = toAppUserId(`demo-user-${randomBytes(3).toString("hex")}`);
  if (appUserId === null) throw new Error("the demo's user name is not a valid app user id");
  return appUserId;
};

async function waitUntilActive(
  mongodbUrl: string,
  appUserId: AppUserId,
): Promise<MappingDocument & { vitalUserId: string }> {
  const client = new mongoose.mongo.MongoClient(mongodbUrl, { serverSelectionTimeoutMS: timeoutMs });
  const deadline = Date.now() + timeoutMs;
  let state: string | undefined;
  try {
    while (Date.now() < deadline) {
      const mapping = await client
        .db()
        .collection<MappingDocument>(mappingCollection)
        .findOne({ _id: appUserId });
      if (mapping?.state === "active" && mapping.vitalUserId !== undefined)
        return { ...mapping, vitalUserId: mapping.vitalUserId };
      state = mapping?.state;
      await delay(pollMs);
    }
  } finally {
    await client.close();
  }
  const found = state === undefined ? "no mapping exists" : `the mapping is still ${state}`;
  throw new Error(`${found} after ${timeoutMs / 1000} s`);
}

/** The body of an error response of the ingress (RFC 9457). */
const Problem = z.object({ detail: z.string() });

const GraphqlResponse = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) })).optional(),
});

/** Sends a GraphQL request as an app does. Throws with the code of the first error. */
async function sendGraphql<T>(
  gatewayUrl: string,
  accessToken: string,
  query: string,
  Data: z.ZodType<T>,
): Promise<T> {
  const response = await fetch(`${gatewayUrl}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ query }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { data, errors } = GraphqlResponse.parse(await response.json());
  const [error] = errors ?? [];
  if (error !== undefined) throw new Error(`the gateway returned ${error.extensions.code}: ${error.message}`);
  return Data.parse(data);
}

const viewerQuery = "{ viewer { id vitalUser { id state } } }";
const ViewerData = z.object({
  viewer: z.object({ id: z.string(), vitalUser: z.object({ id: z.string(), state: z.string() }) }),
});

/** The only mutation of the API. */
export const tokenMutation = "mutation { vitalSignInToken { userId signInToken environment region } }";
const TokenData = z.object({
  vitalSignInToken: z.object({
    userId: z.uuid(),
    signInToken: z.string(),
    environment: z.string(),
    region: z.string(),
  }),
});

function assertSame(what: string, found: string, expected: string): void {
  if (found !== expected) throw new Error(`${what} is ${found}, not ${expected}`);
}

/**
 * Follows one signup until the Vital SDK is signed in, acting as the signup service, the app and the SDK in turn.
 *
 * @throws Error from the first step that fails.
 */
export async function runDemoSteps(
  stack: LocalStack,
  runStep: RunStep,
): Promise<{ result: DemoResult; accessToken: string }> {
  const { gatewayUrl, mongodbUrl, vitalUrl, issuer, secrets } = stack;
  const { signingSecret } = secrets;
  const appUserId = createAppUserId();

  await runStep(
    {
      title: `Your signup service sends a signed webhook: ${appUserId} has signed up`,
      hint: "The gateway accepts an event once MongoDB has stored it; see its log lines below.",
      toDetails: ({ status, body }) => [`POST ${gatewayUrl}/v1/events  →  ${status} ${body}`],
    },
    async () => {
      const response = await publishSignup({ gatewayUrl, signingSecret, appUserId });
      if (response.status === 202) return response;
      const { detail } = Problem.parse(JSON.parse(response.body));
      throw new Error(`the gateway returned ${response.status}: ${detail}`);
    },
  );

  const publishedAtMs = performance.now();
  const { mapping, provisionedMs } = await runStep(
    {
      title: "A worker creates the user in Vital, and the mapping in MongoDB becomes active",
      hint: "A worker takes the job from Redis, or its sweeper finds the pending mapping; see its log lines below.",
      toDetails: ({ mapping: { _id, vitalUserId } }) => [`app user ${_id}  ↔  Vital user ${vitalUserId}`],
    },
    async () => ({
      mapping: await waitUntilActive(mongodbUrl, appUserId),
      provisionedMs: Math.round(performance.now() - publishedAtMs),
    }),
  );
  const { vitalUserId } = mapping;

  const { accessToken } = await runStep(
    {
      title: "The app signs the user in with your identity provider (OpenID Connect)",
      hint: "The identity provider runs inside the demo; run the demo again.",
      toDetails: (signedIn) => [`access token ${shorten(signedIn.accessToken)}`],
    },
    () => signIn({ issuer, audience: localAudience, appUserId }),
  );

  await runStep(
    {
      title: "At launch, the app looks up its Vital user",
      hint: "The gateway must accept the access token and find the user's mapping; see its log lines below.",
      toDetails: ({ viewer }) => [`${viewerQuery}  →  ${viewer.vitalUser.state}`],
    },
    async () => {
      const data = await sendGraphql(gatewayUrl, accessToken, viewerQuery, ViewerData);
      assertSame("the viewer", data.viewer.id, appUserId);
      assertSame("the viewer's Vital user", data.viewer.vitalUser.id, vitalUserId);
      return data;
    },
  );

  const { token, tokenMs } = await runStep(
    {
      title: "The app requests a Vital Sign-In Token",
      hint: "The gateway requests the token from Vital; see its log lines below.",
      toDetails: ({ token: issued }) => [
        "mutation { vitalSignInToken { … } }",
        `${issued.environment} ${issued.region}, token ${shorten(issued.signInToken)}`,
      ],
    },
    async () => {
      const startedAtMs = performance.now();
      const data = await sendGraphql(gatewayUrl, accessToken, tokenMutation, TokenData);
      assertSame("the user of the token", data.vitalSignInToken.userId, vitalUserId);
      return { token: data.vitalSignInToken, tokenMs: Math.round(performance.now() - startedAtMs) };
    },
  );

  await runStep(
    {
      title: "The Vital SDK exchanges the token and is signed in",
      hint: "In the demo, the simulator replaces Vital; see its log lines below.",
      toDetails: (session) => [`signed in as Vital user ${session.vitalUserId}`],
    },
    async () => {
      const session = await signInToVital(vitalUrl, token.signInToken);
      assertSame("the user who is signed in", session.vitalUserId, vitalUserId);
      return session;
    },
  );

  const { environment, region } = token;
  const result = {
    appUserId,
    vitalUserId,
    environment,
    region,
    provisionedMs,
    tokenMs,
    exchanged: true as const,
  };
  return { result, accessToken };
}
