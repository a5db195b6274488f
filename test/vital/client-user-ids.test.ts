import { expect, onTestFinished, test } from "vitest";
import { toAppUserId, type AppUserId, type VitalUserId } from "../../src/core/mapping/app-user-id.js";
import { toClientUserId } from "../../src/core/vital/client-user-id.js";
import { createVitalClient } from "../../src/vital/vital-client.js";
import { apiKey, startTestSimulator } from "../support/simulator.js";

/** Code points in one app user id: the longest id has 256. */
const batchSize = 250;

async function openVital() {
  const vital = await startTestSimulator({ apiKey });
  const client = createVitalClient({ apiKey, apiUrl: vital.url, timeoutMs: 10_000 });
  onTestFinished(async () => {
    await client.close();
    await vital.close();
  });
  return { vital, client };
}
type Client = Awaited<ReturnType<typeof openVital>>["client"];

/** Makes the calls that carry the client user id in a path or a body. Throws an error that names a wrong result. */
async function createAndFind(client: Client, clientUserId: string): Promise<VitalUserId> {
  const { vitalUserId, isNew } = await client.createUser(clientUserId);
  if (!isNew) throw new Error("the create found a user");
  const found = await client.findUser(clientUserId);
  if (found?.vitalUserId !== vitalUserId) throw new Error("the lookup found no user");
  return vitalUserId;
}

/** Makes every call that the product makes about one app user. Throws an error that names a wrong result. */
async function makeEveryCall(client: Client, clientUserId: string): Promise<void> {
  const before = await client.findUser(clientUserId);
  if (before !== null) throw new Error("a lookup before the create found a user");
  const vitalUserId = await createAndFind(client, clientUserId);
  const again = await client.createUser(clientUserId);
  if (again.vitalUserId !== vitalUserId) throw new Error("a second user was created");
  await client.createSignInToken(vitalUserId);
  await client.deleteUser(vitalUserId);
  const after = await client.findUser(clientUserId);
  if (after !== null) throw new Error("the lookup after the deletion found a user");
}

/** Makes these calls about each app user, eight at a time. Returns a description of every app user for whom one failed. */
async function listBroken(
  client: Client,
  appUserIds: readonly string[],
  makeCalls: (client: Client, clientUserId: string) => Promise<unknown>,
): Promise<string[]> {
  const broken: string[] = [];
  const queue = appUserIds.values();
  const work = async () => {
    for (const text of queue) {
      const appUserId = toAppUserId(text);
      if (appUserId === null) continue;
      await makeCalls(client, toClientUserId(appUserId)).catch((error: unknown) => {
        broken.push(`${JSON.stringify(text)}: ${String(error)}`);
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return broken;
}

/** Returns the code points from `first` to `last` that may be part of an app user id. */
const listCodePoints = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)).filter(
    (text) => toAppUserId(`a${text}`) !== null,
  );

test("every call about an app user can be made, with each character that URLs treat specially, in every position", async () => {
  const { client } = await openVital();
  const special = [
    ...listCodePoints(0x20, 0x7e),
    ...[
      "\u00a0",
      "\u1680",
      "\u2000",
      "\u2028",
      "\u202e",
      "\u3000",
      "\ufeff",
      "\u0301",
      "é",
      "e\u0301",
      "\uffff",
    ],
    ...["%2F", "%2f", "%252F", "%25", "../", "/..", "/./", "//", "%00", "base64url.", "base64url.YS9i"],
  ];
  const ids = special.flatMap((text) => [text, `${text}a`, `a${text}a`, `a${text}`]);
  expect(await listBroken(client, [...new Set(ids)], makeEveryCall)).toEqual([]);
}, 60_000);

test("every call with a client user id can be made, with every character of Unicode", async () => {
  const { client } = await openVital();
  const characters = [...listCodePoints(0x20, 0xd7ff), ...listCodePoints(0xe000, 0x10_ffff)];
  const ids: string[] = [];
  for (let start = 0; start < characters.length; start += batchSize) {
    ids.push(`u-${characters.slice(start, start + batchSize).join("")}`);
  }
  expect(characters.length).toBeGreaterThan(1_111_000);
  expect(await listBroken(client, ids, createAndFind)).toEqual([]);
}, 120_000);

test("app users whose ids differ only in their encoding have different Vital users", async () => {
  const { client } = await openVital();
  const ids = [
    "a/b",
    "a%2Fb",
    "a%252Fb",
    "base64url.YS9i",
    "a\\b",
    "a b",
    "a+b",
    " a b",
    "a\u00a0b",
    "é",
    "e\u0301",
  ];
  const users = await Promise.all(ids.map((id) => client.createUser(toClientUserId(id as AppUserId))));
  expect(new Set(users.map(({ vitalUserId }) => vitalUserId)).size).toBe(ids.length);
});
