import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createRandom } from "../support/random.js";
import { createTestDatabase, createTestRedis } from "../support/services.js";
import { appUser, startStack } from "../support/stack.js";
import { waitUntil } from "../support/wait-until.js";

const redisUrl = await createTestRedis();
const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl });
const [gateway] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const queue = new Queue("app-user-events", { connection: redis, prefix: "{vital}" });
afterAll(async () => {
  await queue.close();
  redis.disconnect();
});

const random = createRandom("redelivery");
const hourMs = 3_600_000;

/** How the sender of a user's events reports them. The clock of a sender is wrong by the same time in all its events. */
type Sender = { byQueue: boolean; hasId: boolean; hasTime: boolean; clockMs: number };
type Event = { type: "user.created" | "user.deleted"; id: string; at: string };
type User = { appUserId: AppUserId; sender: Sender; events: Event[] };

function drawUser(): User {
  const [byQueue, hasId] = [random.chance(0.5), random.chance(0.5)];
  const hasTime = random.chance(0.6);
  const clockMs = random.pick([-2 * hourMs, 0, 2 * hourMs]);
  // Without an id and a time, a user's second signup cannot be told from a repetition of the first.
  const count = hasId || hasTime ? random.integer(1, 5) : 2;
  const startMs = Date.now() - 30 * 60_000 + clockMs;
  const events = Array.from({ length: count }, (_, index): Event => ({
    type: index % 2 === 0 ? "user.created" : "user.deleted",
    id: `event-${index}`,
    at: new Date(startMs + index * 60_000).toISOString(),
  }));
  return { appUserId: appUser(), sender: { byQueue, hasId, hasTime, clockMs }, events };
}

async function deliver({ appUserId, sender }: User, { type, id, at }: Event): Promise<void> {
  if (sender.byQueue) {
    const data = { type, appUserId, ...(sender.hasId && { id }), ...(sender.hasTime && { occurredAt: at }) };
    await queue.add("app-user-event", data);
    return;
  }
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${stack.secrets.bearerToken}`,
    },
    body: JSON.stringify({
      type,
      ...(sender.hasId && { id }),
      ...(sender.hasTime && { timestamp: at }),
      data: { id: appUserId },
    }),
  });
  expect(response.status).toBe(202);
}

async function whenQueueIsEmpty(): Promise<void> {
  await waitUntil("the queue is empty", async () => {
    const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
    return Object.values(counts).every((count) => count === 0);
  });
}

const isDeletedAtEnd = ({ events }: User) => events.at(-1)?.type === "user.deleted";

/** The newest event that the mapping of each user has applied. */
const readLastEvents = (users: readonly User[]) =>
  Promise.all(users.map(async ({ appUserId }) => (await stack.findMapping(appUserId))?.lastEvent));

/** How many Vital users were ever created for each user. */
const countCreated = (users: readonly User[]) =>
  Promise.all(users.map(async ({ appUserId }) => (await stack.vital.ledger([appUserId])).length));

async function whenSettled(users: readonly User[]): Promise<void> {
  await waitUntil(
    "every mapping has the state that the newest event demands",
    async () => {
      const mappings = await Promise.all(users.map(({ appUserId }) => stack.findMapping(appUserId)));
      // A deletion is final only some time after it, so its mapping may still be `deleting`.
      return users.every((user, at) =>
        (isDeletedAtEnd(user) ? /^delet/ : /^active$/).test(mappings[at]?.state ?? ""),
      );
    },
    60_000,
  );
}

test("however events are repeated and whatever the clocks of their senders say, a redelivery changes nothing", async () => {
  const users = Array.from({ length: 60 }, drawUser);
  await Promise.all(
    users.map(async (user) => {
      // Only times can order what arrives out of order.
      const isOrderFree = user.sender.hasTime;
      for (const event of isOrderFree ? random.shuffle(user.events) : user.events) {
        await deliver(user, event);
        if (random.chance(0.3)) await deliver(user, event);
        if (!isOrderFree && user.sender.byQueue) await whenQueueIsEmpty();
      }
    }),
  );
  await whenQueueIsEmpty();
  await whenSettled(users);

  const [lastEvents, created] = [await readLastEvents(users), await countCreated(users)];
  expect(lastEvents.map((event) => event?.type)).toEqual(users.map(({ events }) => events.at(-1)?.type));
  expect(users.filter(isDeletedAtEnd).length).toBeGreaterThan(10);

  const deliveries = users.flatMap((user) => user.events.map((event) => ({ user, event })));
  for (const repeated of [random.shuffle(deliveries), random.shuffle(deliveries)]) {
    await Promise.all(repeated.map(({ user, event }) => deliver(user, event)));
  }
  await whenQueueIsEmpty();
  expect(await readLastEvents(users)).toEqual(lastEvents);
  await whenSettled(users);
  expect(await countCreated(users)).toEqual(created);
}, 120_000);
