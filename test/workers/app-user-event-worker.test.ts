import { Queue, type JobsOptions } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createMappingWriter } from "../../src/core/mapping/mapping-writer.js";
import { createSignupEvents } from "../../src/core/mapping/signup-events.js";
import { createMongoConnection } from "../../src/mongo/connection.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { createSignupPublisher } from "../../src/publisher/publisher.js";
import { createAppUserEventQueue } from "../../src/queue/app-user-events.js";
import { startAppUserEventWorker } from "../../workers/app-user-event-worker.js";
import { createRecordingLog } from "../support/recording-log.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnMongo, startOwnRedis, createTestDatabase, createTestRedis } from "../support/services.js";

type Setup = { mongodbUrl?: string; redisUrl?: string; serverSelectionTimeoutMs?: number };

/** Starts the worker with a real database and queue. Tests add jobs through `queue`, a plain BullMQ queue. */
async function startWorker(setup: Setup = {}) {
  const redisUrl = setup.redisUrl ?? (await createTestRedis());
  const mongo = createMongoConnection({
    url: setup.mongodbUrl ?? createTestDatabase(),
    appName: "test",
    serverSelectionTimeoutMs: setup.serverSelectionTimeoutMs ?? 2_000,
    socketTimeoutMs: 5_000,
    maxPoolSize: 10,
  });
  await mongo.whenConnected;
  const mappings = createMappings(mongo);
  await mappings.indexes.create();

  const now = () => new Date();
  const deployment = { environment: "sandbox", region: "us" } as const;
  const rules = { deployment, toClientUserId: String, sweepGraceMs: 10_000, settleMs: 1_000 };
  const writer = createMappingWriter({ mappings, now, rules });
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  const eventQueue = createAppUserEventQueue({ redis, onError: () => undefined });
  const queue = new Queue("app-user-events", { connection: redis, prefix: "{vital}" });
  queue.on("error", () => undefined);

  const counts: Record<string, number> = {};
  const ignoredTypes: string[] = [];
  const { log, lines } = createRecordingLog();
  const woken: string[] = [];
  const checked: [string, Date][] = [];
  const worker = startAppUserEventWorker({
    redisUrl,
    events: createSignupEvents({
      writer,
      now,
      wake: (job, appUserId) => void woken.push(`${job} ${appUserId}`),
    }),
    eventClocks: { check: (source, event) => void checked.push([source, event.occurredAt]) },
    eventQueue,
    log,
    metrics: {
      eventReceived: (source, outcome) => {
        counts[`${source} ${outcome}`] = (counts[`${source} ${outcome}`] ?? 0) + 1;
      },
      eventIgnored: (type) => void ignoredTypes.push(type),
      workerRebuilt: () => undefined,
    },
    shutDown: () => undefined,
    random: Math.random,
    drainMs: 1_000,
  });
  onTestFinished(async () => {
    await worker.close();
    redis.disconnect();
    await mongo.close();
  });
  const add = (data: unknown, options: JobsOptions = {}, name = "app-user-event") =>
    queue.add(name, data, options);
  const find = (appUserId: string) => mappings.find(appUserId as AppUserId);
  const isEmpty = async () =>
    Object.values(await queue.getJobCounts("waiting", "active", "delayed", "prioritized")).every(
      (n) => n === 0,
    );
  return { redisUrl, redis, queue, mappings, counts, ignoredTypes, lines, woken, add, find, isEmpty, worker };
}

const signup = (appUserId: unknown, more: object = {}) => ({
  id: "evt_1",
  type: "user.created",
  appUserId,
  occurredAt: "2026-01-02T03:04:05.000Z",
  ...more,
});

test("an event in the queue creates a pending mapping and wakes provisioning, and its job is removed", async () => {
  const { add, find, counts, woken, queue, isEmpty } = await startWorker();
  await add(signup("u1"));
  await waitUntil("the job is done", async () => counts["queue accepted"] === 1 && (await isEmpty()));
  const lastEvent = { id: "evt_1", type: "user.created", at: new Date("2026-01-02T03:04:05Z") };
  expect(await find("u1")).toMatchObject({ state: "pending", lastEvent });
  expect(woken).toEqual(["provision-user u1"]);
  // The producer has set no options. Without the options of the worker, its jobs would accumulate in Redis.
  expect(await queue.getCompletedCount()).toBe(0);
});

test("events of the publisher are recorded, and the newer of a signup and a deletion wins", async () => {
  const { redisUrl, find, counts } = await startWorker();
  const publisher = createSignupPublisher({ redisUrl });
  const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));
  await Promise.all([
    publisher.publish({ type: "user.deleted", appUserId: "gone", occurredAt: at(2) }),
    publisher.publish({ type: "user.created", appUserId: "gone", occurredAt: at(1) }),
    publisher.publish({ type: "user.deleted", appUserId: "back", occurredAt: at(1) }),
    publisher.publish({ type: "user.created", appUserId: "back", occurredAt: at(2) }),
  ]);
  await publisher.close();
  await waitUntil("all are recorded", () => counts["queue accepted"] === 4);
  expect((await find("gone"))?.lastEvent?.type).toBe("user.deleted");
  expect((await find("back"))?.lastEvent?.type).toBe("user.created");
});

test("an event that is added repeatedly, with or without the same job id, creates one mapping", async () => {
  const { add, find, mappings, counts, isEmpty } = await startWorker();
  await add(signup("u1"), { jobId: "mine" });
  await add(signup("u1"), { jobId: "mine" });
  await add(signup("u1"), { removeOnComplete: false });
  await waitUntil("all are done", async () => (counts["queue accepted"] ?? 0) >= 2 && (await isEmpty()));
  expect((await mappings.countByState()).pending).toBe(1);
  expect((await find("u1"))?.state).toBe("pending");
});

test.each([
  ["the user's id", "u1"],
  ["a text with the user's id", "signup-u1"],
])(
  "a producer that sets %s as the id of every job can report several signups and deletions",
  async (_, jobId) => {
    const { add, find, counts, isEmpty } = await startWorker();
    const types = ["user.created", "user.deleted", "user.created", "user.deleted"];
    for (const [index, type] of types.entries()) {
      const occurredAt = `2026-01-0${index + 1}T00:00:00Z`;
      await add(signup("u1", { type, id: undefined, occurredAt }), { jobId });
      await waitUntil(
        "it is recorded",
        async () => counts["queue accepted"] === index + 1 && (await isEmpty()),
      );
      expect((await find("u1"))?.lastEvent).toMatchObject({ type, at: new Date(occurredAt) });
    }
  },
);

test("an event without an id and a time gets the id and the time of its job", async () => {
  const { add, find, counts } = await startWorker();
  const timestamp = Date.now() - 3_600_000;
  const job = await add({ type: "user.created", appUserId: "u1" }, { timestamp });
  await waitUntil("it is recorded", () => counts["queue accepted"] === 1);
  expect((await find("u1"))?.lastEvent).toMatchObject({ id: `job-${job.id ?? ""}`, at: new Date(timestamp) });
});

test("a field that is null is the same as an absent one", async () => {
  const { add, find, counts } = await startWorker();
  const job = await add({ appUserId: "u1", type: null, id: null, occurredAt: null }, {}, "user.created");
  await waitUntil("it is recorded", () => counts["queue accepted"] === 1);
  expect((await find("u1"))?.lastEvent).toMatchObject({
    id: `job-${job.id ?? ""}`,
    type: "user.created",
    at: new Date(job.timestamp),
  });
});

test("jobs with a single attempt survive an outage of MongoDB", async () => {
  const mongo = await startOwnMongo();
  const started = await startWorker({ mongodbUrl: mongo.url, serverSelectionTimeoutMs: 300 });
  await mongo.kill();
  for (let index = 0; index < 20; index += 1) await started.add(signup(`u${index}`), { attempts: 1 });
  await waitUntil("they are delayed", async () => (await started.queue.getDelayedCount()) > 10);
  await mongo.start();
  await waitUntil("all are recorded", () => started.counts["queue accepted"] === 20, 15_000);
  expect((await started.mappings.countByState()).pending).toBe(20);
  expect(await started.queue.getFailedCount()).toBe(0);
});

test("an invalid job is kept with its reason, whatever options its producer set, and does not block other jobs", async () => {
  const { add, find, counts, queue, lines, isEmpty } = await startWorker();
  const malformed: [unknown, RegExp][] = [
    [signup("line\nbreak"), /appUserId: must not contain control characters/],
    [signup(".."), /appUserId/],
    [signup("\ud800"), /appUserId: must be well-formed/],
    [signup("x".repeat(300)), /appUserId: must have at most 256/],
    [signup("None"), /^appUserId: is "None", which is not the id of one user$/],
    [signup(4711), /^appUserId: must be a string$/],
    [signup({ $ne: null }), /^appUserId: must be a string$/],
    [signup(null), /^appUserId: must be a string$/],
    [{ type: "user.created", app_user_id: "u" }, /^appUserId: is missing$/],
    [signup("u", { id: 7 }), /^id: must be a string$/],
    [signup("u", { occurredAt: "yesterday" }), /occurredAt/],
    [signup("u", { occurredAt: {} }), /^occurredAt: must be a string or a number$/],
    [signup("u", { type: 7 }), /^type: must be a string$/],
    [{ appUserId: "u" }, /type/],
    [
      JSON.stringify(signup("u")),
      /^the job's data: must be an object, but is a text; encode it as JSON once$/,
    ],
    [[], /^the job's data: must be an object$/],
    ["text", /./],
    [null, /^the job's data: must be an object$/],
    [undefined, /./],
  ];
  const hostile: JobsOptions = {
    removeOnFail: true,
    attempts: 1_000,
    backoff: { type: "unknown", delay: 1 },
  };
  for (const [data] of malformed) await add(data, hostile);
  await add(signup("u1"));
  await waitUntil("all are settled", async () => counts["queue accepted"] === 1 && (await isEmpty()));
  expect((await find("u1"))?.state).toBe("pending");
  expect(counts["queue refused"]).toBe(malformed.length);
  const reasons = (await queue.getFailed()).map(({ failedReason }) => failedReason);
  expect(reasons).toHaveLength(malformed.length);
  for (const [, reason] of malformed) expect(reasons.some((text) => reason.test(text))).toBe(true);
  expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  // The log names fields, not users.
  expect(JSON.stringify(lines)).not.toContain("line\\nbreak");
});

test("a job is accepted under any name if the name and the data say the same", async () => {
  const { add, find, counts, lines, queue, isEmpty } = await startWorker();
  const { type: _type, ...untyped } = signup("");
  const jobs: [string, object, string][] = [
    ["user.created", { ...untyped, appUserId: "u0" }, "user.created"],
    ["user.deleted", { appUserId: "u1" }, "user.deleted"],
    ["USER_CREATED", { appUserId: "u2" }, "user.created"],
    ["userDeleted", { appUserId: "u3" }, "user.deleted"],
    ["user.created", signup("u4"), "user.created"],
    ["user_deleted", signup("u5", { type: "user.deleted" }), "user.deleted"],
    ["signup", signup("u6"), "user.created"],
    ["signup", signup("u7", { type: "user.deleted" }), "user.deleted"],
  ];
  for (const [name, data] of jobs) await add(data, {}, name);
  await waitUntil(
    "all are settled",
    async () => counts["queue accepted"] === jobs.length && (await isEmpty()),
  );
  for (const [index, [, , type]] of jobs.entries()) {
    expect((await find(`u${index}`))?.lastEvent?.type).toBe(type);
  }
  expect(await queue.getFailedCount()).toBe(0);
  // Once per name that the documentation does not give.
  const named = lines.filter(({ phrase }) => phrase.startsWith("reading jobs of another name"));
  expect(named.map(({ level, fields }) => `${level} ${String(fields.job)}`).sort()).toEqual([
    "info USER_CREATED",
    "info signup",
    "info userDeleted",
    "info user_deleted",
  ]);
});

test("a job whose name or type is not clear fails with the reason, and its name is a warning once", async () => {
  const { add, counts, lines, mappings, queue, isEmpty } = await startWorker();
  const jobs: [string, object, RegExp][] = [
    ["user.deleted", signup("u1"), /name means user.deleted, but the type in its data is user.created/],
    ["USER_CREATED", signup("u1", { type: "user.deleted" }), /name means user.created/],
    ["signup", { appUserId: "u1" }, /is named signup and its data has no type; name the job app-user-event/],
    ["signup", signup("u1", { type: "signup" }), /is named signup; name the job app-user-event/],
    ["app-user-event", { appUserId: "u1" }, /^type: must be user.created or user.deleted$/],
    ["app-user-event", signup("u1", { type: " " }), /^type: must be user.created or user.deleted$/],
    ["app-user-event", signup("u1", { type: "USER.CREATED" }), /^type: must be written user.created$/],
    ["app-user-event", signup("u1", { type: "user_delete" }), /^type: must be written user.deleted$/],
    ["robin@example.com", { appUserId: "u1" }, /is named other and/],
    ["signup", { appUserId: "u1" }, /is named signup and/],
  ];
  for (const [name, data] of jobs) await add(data, {}, name);
  await waitUntil(
    "all are settled",
    async () => counts["queue refused"] === jobs.length && (await isEmpty()),
  );
  const reasons = (await queue.getFailed()).map(({ name, failedReason }) => `${name} ${failedReason}`);
  for (const [name, , reason] of jobs) {
    const matching = reasons.filter(
      (text) => text.startsWith(name) && reason.test(text.slice(name.length + 1)),
    );
    expect(matching.length, reason.source).toBeGreaterThan(0);
  }
  expect((await mappings.countByState()).pending).toBe(0);
  const warnings = lines.filter(({ phrase }) => phrase === "invalid events in the queue under this job name");
  expect(warnings.map(({ fields }) => fields.job).sort()).toEqual(["USER_CREATED", "other", "signup"]);
  expect(JSON.stringify(lines)).not.toContain("robin");
});

test("an event of another type is ignored, and its type is logged once and counted", async () => {
  const { add, counts, ignoredTypes, lines, mappings, isEmpty } = await startWorker();
  await add(signup("u1", { type: "user.updated" }));
  await add(signup("u2", { type: "user.updated" }));
  await waitUntil("both are done", async () => counts["queue ignored"] === 2 && (await isEmpty()));
  expect((await mappings.countByState()).pending).toBe(0);
  expect(ignoredTypes).toEqual(["user.updated", "user.updated"]);
  const ignored = lines.filter(({ phrase }) => phrase === "ignoring events of this type");
  expect(ignored).toMatchObject([{ level: "info", fields: { source: "queue", type: "user.updated" } }]);
});

test.each([
  ["2026-11-22T10:00:00", "occurredAt: has no time zone; append Z if it is UTC"],
  ["2026-11-22", "occurredAt: is only a date"],
  ["1795341600", "occurredAt: is a number in a string"],
])("a job with the time %j fails with what to change", async (occurredAt, reason) => {
  const { add, queue, counts } = await startWorker();
  await add(signup("u1", { occurredAt }));
  await waitUntil(
    "it failed",
    async () => counts["queue refused"] === 1 && (await queue.getFailedCount()) === 1,
  );
  expect((await queue.getFailed())[0]?.failedReason).toContain(reason);
});

test("events that producers added without the prefix are a warning once at start", async () => {
  const redis = await startOwnRedis();
  const connection = new Redis(redis.url);
  onTestFinished(() => {
    connection.disconnect();
  });
  // BullMQ's own prefix, which a producer in any language uses unless it sets another.
  const producer = new Queue("app-user-events", { connection });
  await producer.add("app-user-event", signup("u1"));
  await producer.add("app-user-event", signup("u2"), { delay: 60_000 });
  const { lines } = await startWorker({ redisUrl: redis.url });
  const findWarnings = () =>
    lines.filter(({ phrase }) => phrase === "events wait in a queue that no worker reads");
  await waitUntil("it is logged", () => findWarnings().length > 0);
  expect(findWarnings()).toMatchObject([
    { level: "warn", fields: { queues: [{ queue: "bull:app-user-events", jobs: 2 }] } },
  ]);
  expect(String(findWarnings()[0]?.fields.fix)).toContain("prefix to {vital}");
});

test("no event that Redis has persisted is lost when Redis restarts", async () => {
  const redis = await startOwnRedis();
  const { add, counts, mappings } = await startWorker({ redisUrl: redis.url });
  await add(signup("before"));
  await waitUntil("the first is recorded", () => counts["queue accepted"] === 1);
  await redis.kill("SIGTERM");
  await redis.start();
  for (let index = 0; index < 10; index += 1) await add(signup(`u${index}`));
  await waitUntil("all are recorded", async () => (await mappings.countByState()).pending === 11, 15_000);
});

test("the worker closes in time while Redis is down", async () => {
  const redis = await startOwnRedis();
  const { add, counts, worker } = await startWorker({ redisUrl: redis.url });
  await add(signup("u1"));
  await waitUntil("it is recorded", () => counts["queue accepted"] === 1);
  await redis.kill();
  const startedAt = performance.now();
  await worker.close();
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

test(
  "jobs that BullMQ cannot read are repaired and processed, and do not block other jobs",
  { timeout: 40_000 },
  async () => {
    const { redis, queue, add, find, counts, lines } = await startWorker();
    const write = async (jobId: string, hash: Record<string, string>) => {
      await redis.hset(queue.toKey(jobId), {
        name: "app-user-event",
        timestamp: String(Date.now()),
        ...hash,
      });
      await redis.lpush(queue.toKey("wait"), jobId);
      await redis.zadd(queue.toKey("marker"), 0, "0");
    };
    await write("no-json", { data: "{not json", opts: "{}" });
    await write("no-options", { data: JSON.stringify(signup("u1")), opts: "null" });
    await write("broken-options", { data: JSON.stringify(signup("u2")), opts: "{", progress: "?" });
    await add(signup("u3"));
    await waitUntil("the valid one is recorded", async () => (await find("u3")) !== null);
    await waitUntil("the others are processed", () => counts["queue accepted"] === 3, 35_000);
    await waitUntil("one is refused", () => counts["queue refused"] === 1, 35_000);
    expect(await find("u1")).not.toBeNull();
    expect(await find("u2")).not.toBeNull();
    const [failed] = await queue.getFailed();
    expect(failed).toMatchObject({ id: "no-json", data: "{not json" });
    expect(failed?.failedReason).toContain("must be an object");
    const repaired = lines.filter(({ phrase }) => phrase.includes("BullMQ cannot read a job"));
    expect(repaired).toHaveLength(3);
  },
);
