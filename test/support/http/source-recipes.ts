import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { onTestFinished } from "vitest";
import { findBlocks, readPage, type PageCode } from "./page-code.js";

/** One event as the provider's platform delivers it, any number of times. */
type PlatformEvent = {
  send: () => Promise<unknown>;
  /** The id that the gateway must receive; a pattern where the recipe derives it. */
  id: string | RegExp;
  /** The time that the gateway must receive; `null` when the provider reports none. */
  occurredAt: Date | null;
};

export type Recipe = { signup: PlatformEvent; deletion: PlatformEvent | null };

const signedUpAt = new Date("2026-11-20T09:30:00.000Z");
const deletedAt = new Date("2026-11-21T18:05:12.500Z");
const epoch = new Date(0);
const derivedId = /^evt_[0-9a-f]{32}$/;

type RecipeContext = {
  code: PageCode;
  userId: string;
  postAsBearer: (value: unknown) => Promise<unknown>;
};

async function createBetterAuth({ code, userId: id }: RecipeContext): Promise<Recipe> {
  type Hook = (user: { id: string; createdAt: Date }) => Promise<void>;
  type Options = {
    databaseHooks: { user: { create: { after: Hook } } };
    user: { deleteUser: { enabled: boolean; afterDelete: Hook } };
  };
  await code.installPackage("better-auth", "export const betterAuth = (options) => options;");
  const { auth } = await code.loadBlock<{ auth: Options }>("better-auth");
  const user = { id, createdAt: signedUpAt };
  return {
    signup: {
      send: () => auth.databaseHooks.user.create.after(user),
      id: derivedId,
      occurredAt: signedUpAt,
    },
    deletion: { send: () => auth.user.deleteUser.afterDelete(user), id: derivedId, occurredAt: null },
  };
}

async function createAuthJs({ code, userId: id }: RecipeContext): Promise<Recipe> {
  type Events = { createUser: (message: { user: { id: string } }) => Promise<void> };
  const { events } = await code.loadBlock<{ events: Events }>("better-auth", 1);
  const forward = await code.loadForward();
  return {
    signup: { send: () => events.createUser({ user: { id } }), id: derivedId, occurredAt: epoch },
    // The page prints this call as text.
    deletion: { send: () => forward("user.deleted", id), id: derivedId, occurredAt: null },
  };
}

async function createCognito({ code, userId: sub }: RecipeContext): Promise<Recipe> {
  type Handler = { handler: (event: unknown) => Promise<unknown> };
  const trigger = await code.loadBlock<Handler>("cognito");
  const rule = await code.loadBlock<Handler>("cognito", 1);
  const request = { userAttributes: { sub } };
  const detail = {
    eventName: "AdminDeleteUser",
    errorCode: "",
    eventTime: deletedAt.toISOString(),
    eventID: "382ae09a-151d-4116-8f2b-6ac0a804a38c",
    additionalEventData: { sub },
  };
  return {
    signup: {
      send: () => trigger.handler({ triggerSource: "PostConfirmation_ConfirmSignUp", request }),
      id: derivedId,
      occurredAt: epoch,
    },
    deletion: { send: () => rule.handler({ detail }), id: detail.eventID, occurredAt: deletedAt },
  };
}

async function createEntra({ code, userId: id }: RecipeContext): Promise<Recipe> {
  type Report = (user: { id: string; createdDateTime?: string; deletedDateTime?: string }) => Promise<void>;
  const entra = await code.loadBlock<{ reportCreated: Report; reportDeleted: Report }>("entra");
  const [createdDateTime, deletedDateTime] = [signedUpAt.toISOString(), deletedAt.toISOString()];
  return {
    signup: {
      send: () => entra.reportCreated({ id, createdDateTime }),
      id: derivedId,
      occurredAt: signedUpAt,
    },
    deletion: {
      send: () => entra.reportDeleted({ id, deletedDateTime }),
      id: derivedId,
      occurredAt: deletedAt,
    },
  };
}

async function createFirebase({ code, userId: uid }: RecipeContext): Promise<Recipe> {
  type Context = { timestamp: string; eventId: string };
  type Trigger = (user: { uid: string }, context: Context) => Promise<void>;
  await code.installPackage(
    join("firebase-functions", "v1"),
    "const user = () => ({ onCreate: (run) => run, onDelete: (run) => run }); export const auth = { user };",
  );
  const functions = await code.loadBlock<{ userCreated: Trigger; userDeleted: Trigger }>("firebase");
  const toContext = (at: Date, eventId: string) => ({ timestamp: at.toISOString(), eventId });
  return {
    signup: {
      send: () => functions.userCreated({ uid }, toContext(signedUpAt, "event-1")),
      id: "event-1",
      occurredAt: signedUpAt,
    },
    deletion: {
      send: () => functions.userDeleted({ uid }, toContext(deletedAt, "event-2")),
      id: "event-2",
      occurredAt: deletedAt,
    },
  };
}

/** Starts a server of Kinde's keys, and loads the code of the page with its address. */
export async function createKindeReceiver(code: PageCode) {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "RS256" }] });
  const server = createServer((_request, response) => void response.end(keySet));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await code.linkPackage("jose");
  const [block = ""] = findBlocks(await readPage("kinde"), "js");
  const local = block.replace("https://<your domain>.kinde.com", `http://127.0.0.1:${port}`);
  if (local === block) throw new Error("the page does not name Kinde's keys");
  const { receive } = await code.load<{ receive: (token: string) => Promise<void> }>(`kinde-${port}`, local);
  const sign = (payload: Record<string, unknown>, key = privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: "RS256" }).sign(key);
  return { receive, sign };
}

async function createKinde({ code, userId: id }: RecipeContext): Promise<Recipe> {
  const { receive, sign } = await createKindeReceiver(code);
  const toEvent = (type: string, at: Date, eventId: string): PlatformEvent => ({
    send: async () => {
      // Kinde documents `timestamp` for detecting replays, so it may differ in each attempt.
      const times = { event_timestamp: at.toISOString(), timestamp: new Date().toISOString() };
      await receive(await sign({ type, data: { user: { id } }, ...times, event_id: eventId }));
    },
    id: eventId,
    occurredAt: at,
  });
  return {
    signup: toEvent("user.created", signedUpAt, "event_01"),
    deletion: toEvent("user.deleted", deletedAt, "event_02"),
  };
}

async function createOry({ code, userId: id, postAsBearer }: RecipeContext): Promise<Recipe> {
  const [jsonnet = ""] = findBlocks(await readPage("ory"), "jsonnet");
  // The body is a Jsonnet object that is also valid JavaScript with the same meaning.
  const script = jsonnet.replace(/^function\(ctx\) (\{.*\})\n$/, "export const render = (ctx) => ($1);");
  type Context = { flow: { id: string }; identity: { id: string; created_at: string } };
  const { render } = await code.load<{ render: (ctx: Context) => unknown }>("ory", script);
  const context = { flow: { id: "flow-1" }, identity: { id, created_at: signedUpAt.toISOString() } };
  return {
    signup: { send: () => postAsBearer(render(context)), id: "flow-1", occurredAt: signedUpAt },
    deletion: null,
  };
}

async function createDescope({ userId, postAsBearer }: RecipeContext): Promise<Recipe> {
  const [template = ""] = findBlocks(await readPage("descope"), "text");
  const body: unknown = JSON.parse(template.replaceAll("{{user.userId}}", userId));
  return {
    signup: { send: () => postAsBearer(body), id: `signup-${userId}`, occurredAt: epoch },
    deletion: null,
  };
}

/** The code and the bodies on the pages of the providers, as their platforms run them. */
export const sourceRecipes: Readonly<Record<string, (context: RecipeContext) => Promise<Recipe>>> = {
  "better-auth": createBetterAuth,
  "auth.js": createAuthJs,
  cognito: createCognito,
  descope: createDescope,
  entra: createEntra,
  firebase: createFirebase,
  kinde: createKinde,
  ory: createOry,
};
