import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { createMappingWriter } from "../../../src/core/mapping/mapping-writer.js";
import { createSignupEvents } from "../../../src/core/mapping/signup-events.js";
import type { ReceivedEvent } from "../../../src/core/mapping/signup-event.js";
import { rules } from "../../support/core/core-process.js";
import { createPageCode, type PageCode } from "../../support/http/page-code.js";
import { createKindeReceiver, sourceRecipes } from "../../support/http/source-recipes.js";
import {
  bearerToken,
  ownEvent,
  readExample,
  signingSecret,
  startIngress,
  type TestIngress,
} from "../../support/http/test-ingress.js";
import { openMappings } from "../../support/open-mappings.js";

const startedAtMs = Date.parse("2026-11-22T10:00:00.000Z");
const secrets = { EVENTS_SIGNING_SECRETS: signingSecret, EVENTS_BEARER_TOKENS: bearerToken };

let code: PageCode;
let ingress: TestIngress;
let received: ReceivedEvent[];
let find: (userId: string) => Promise<unknown>;

// A gateway that stores in MongoDB, and a clock that moves only when a test says so, for both sides.
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: startedAtMs });
  const { mappings } = await openMappings();
  const now = () => new Date();
  const writer = createMappingWriter({ mappings, rules, now });
  const events = createSignupEvents({ writer, wake: () => undefined, now });
  received = [];
  find = (userId) => mappings.find(userId as AppUserId);
  ingress = await startIngress(secrets, {
    now,
    record: async (batch) => {
      received.push(...batch);
      await events.record(batch);
    },
  });
  vi.stubEnv("EVENTS_URL", ingress.url);
  vi.stubEnv("EVENTS_SIGNING_SECRET", signingSecret);
  code = await createPageCode();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await ingress.close();
  await code.remove();
});

const waitHours = (hours: number) => vi.setSystemTime(Date.now() + hours * 3_600_000);
const post = async (value: unknown) => {
  const response = await ingress.postAsBearer(value);
  expect([202, 204]).toContain(response.status);
};
const deletionByAnother = (userId: string) =>
  post(ownEvent(userId, "user.deleted", new Date(Date.now()).toISOString()));

describe.each(Object.entries(sourceRecipes))("the recipe of %s", (name, createRecipe) => {
  const userId = `user-of-${name}`;
  const start = () => createRecipe({ code, userId, postAsBearer: post });

  test("sends the provider's time and id, the same in every attempt", async () => {
    const { signup, deletion } = await start();
    for (const event of [signup, ...(deletion === null ? [] : [deletion])]) {
      received.length = 0;
      await event.send();
      waitHours(1);
      await event.send();
      const [first, again] = received;
      expect(first).toMatchObject({
        appUserId: userId,
        id: typeof event.id === "string" ? event.id : (expect.stringMatching(event.id) as string),
        hasOwnTime: event.occurredAt !== null,
        ...(event.occurredAt !== null && { occurredAt: event.occurredAt }),
      });
      expect(again).toMatchObject({ id: first?.id, key: first?.key });
      if (event.occurredAt !== null) expect(again?.occurredAt).toEqual(first?.occurredAt);
    }
  });

  test("a signup that the platform sends again after the deletion changes nothing", async () => {
    const { signup, deletion } = await start();
    await signup.send();
    waitHours(1);
    await (deletion === null ? deletionByAnother(userId) : deletion.send());
    const deleting = await find(userId);
    expect(deleting).toMatchObject({ state: "deleting", lastEvent: { type: "user.deleted" } });
    for (const hours of [0, 1, 24]) {
      waitHours(hours);
      await signup.send();
    }
    expect(await find(userId)).toEqual(deleting);
  });

  test("a signup that arrives for the first time after the deletion changes nothing", async () => {
    const { signup, deletion } = await start();
    await (deletion === null ? deletionByAnother(userId) : deletion.send());
    waitHours(1);
    await signup.send();
    expect(await find(userId)).toMatchObject({ state: "deleting", lastEvent: { type: "user.deleted" } });
  });

  test("a deletion that the platform sends again after a newer signup changes nothing", async () => {
    const { signup, deletion } = await start();
    if (deletion === null) return;
    await signup.send();
    waitHours(1);
    await deletion.send();
    waitHours(1);
    await post(ownEvent(userId, "user.created", new Date().toISOString()));
    const signedUpAgain = await find(userId);
    expect(signedUpAgain).toMatchObject({ lastEvent: { type: "user.created" } });
    for (const hours of [0, 1, 24]) {
      waitHours(hours);
      await deletion.send();
      await signup.send();
    }
    expect(await find(userId)).toEqual(signedUpAgain);
  });
});

describe.each([
  ["auth0", "auth0|65f0c0ffee65f0c0ffee65f0"],
  ["clerk", "user_2exampleExampleExample000001"],
  ["fusionauth", "c0a8012e-7a51-4c1d-9d0f-0a1b2c3d4e5f"],
  ["keycloak", "4f6a7b8c-0000-4000-8000-0000000000ff"],
  ["keycloak-listener", "4f6a7b8c-0000-4000-8000-0000000000ff"],
  ["okta", "00uexample0000000001"],
  ["stytch", "user-live-3b5c9d1e-0000-4000-8000-00000000abcd"],
  ["supabase", "5d0c3b1e-8a52-4c5b-9d0e-1f2a3b4c5d6e"],
  ["workos", "user_01EXAMPLE000000000000000000"],
  ["zitadel", "336494809936035843"],
])("the events of %s", (name, userId) => {
  const send = (kind: "created" | "deleted") => post(JSON.parse(readExample(`${name}.${kind}`)));

  test("change nothing when they are delivered again, after the deletion and after a newer signup", async () => {
    await send("created");
    waitHours(1);
    await send("deleted");
    const deleting = await find(userId);
    expect(deleting).toMatchObject({ state: "deleting" });
    for (const hours of [0, 24]) {
      waitHours(hours);
      await send("created");
      await send("deleted");
    }
    expect(await find(userId)).toEqual(deleting);

    await post(ownEvent(userId, "user.created", new Date().toISOString()));
    const signedUpAgain = await find(userId);
    expect(signedUpAgain).toMatchObject({ lastEvent: { type: "user.created" } });
    for (const hours of [0, 24]) {
      waitHours(hours);
      await send("created");
      await send("deleted");
    }
    expect(await find(userId)).toEqual(signedUpAgain);
  });
});

test("Cognito's functions ignore a password reset and a failed deletion, and return the trigger's event", async () => {
  type Handler = { handler: (event: unknown) => Promise<unknown> };
  const trigger = await code.loadBlock<Handler>("cognito");
  const reset = {
    triggerSource: "PostConfirmation_ConfirmForgotPassword",
    request: { userAttributes: { sub: "u1" } },
  };
  expect(await trigger.handler(reset)).toBe(reset);
  const rule = await code.loadBlock<Handler>("cognito", 1);
  await rule.handler({ detail: { errorCode: "AccessDenied", additionalEventData: { sub: "u1" } } });
  expect(received).toEqual([]);
});

test("Kinde's endpoint forwards only signups and deletions that Kinde's key has signed", async () => {
  const { receive, sign } = await createKindeReceiver(code);
  const toPayload = (type: string) => ({ type, data: { user: { id: "kp_1" } }, event_id: `of ${type}` });
  await receive(await sign(toPayload("user.updated")));
  const { privateKey } = await (await import("jose")).generateKeyPair("RS256");
  await expect(receive(await sign(toPayload("user.created"), privateKey))).rejects.toThrow();
  expect(received).toEqual([]);
});
