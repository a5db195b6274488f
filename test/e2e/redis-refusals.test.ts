import { Redis } from "ioredis";
import { setTimeout as delay } from "node:timers/promises";
import mongoose from "mongoose";
import { afterAll, expect, test } from "vitest";
import { mappingCollection, type MappingDocument } from "../../src/mongo/mapping-document.js";
import { startRefusingRedis, toInfoReply } from "../support/queue/refusing-redis.js";
import { createTestDatabase, createTestRedis, startOwnRedis } from "../support/services.js";
import { appUser, sendGraphql, startStack, type Service } from "../support/stack.js";
import { waitUntil } from "../support/wait-until.js";

const stack = await startStack({
  mongodbUrl: createTestDatabase(),
  redisUrl: await createTestRedis(),
});

/** How long a worker is measured in a state, milliseconds. */
const measuredMs = 6_000;

type State = {
  url: string;
  /** What a warning must name. */
  reason: RegExp;
  /** Brings a server that accepted everything into the state, after the worker has started. */
  refuse?: () => Promise<unknown>;
  /** Makes the server accept everything. */
  accept?: () => Promise<unknown>;
};

async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url);
  afterAll(() => {
    redis.disconnect();
  });
  await redis.ping();
  return redis;
}

/** Starts a Redis in which the user `vital` has these permissions. */
async function startWithUser(rules: readonly string[]) {
  const redis = await startOwnRedis();
  const admin = await connect(redis.url);
  await admin.acl("SETUSER", "vital", "on", ">secret-of-vital", ...rules);
  return { url: redis.url.replace("redis://", "redis://vital:secret-of-vital@"), admin };
}

async function startRestricted(rules: readonly string[], reason: RegExp): Promise<State> {
  const { url, admin } = await startWithUser(rules);
  return { url, reason, accept: () => admin.acl("SETUSER", "vital", "allkeys", "allcommands") };
}

const starters: Record<string, () => Promise<State>> = {
  "a user without INFO": () =>
    startRestricted(["~{vital}*", "&*", "+@all", "-@dangerous"], /NOPERM .*'info'/),
  "a user without EVAL": () => startRestricted(["~*", "&*", "+@all", "-eval", "-evalsha"], /NOPERM .*'eval/),
  "a user without BZPOPMIN": () => startRestricted(["~*", "&*", "+@all", "-bzpopmin"], /NOPERM .*'bzpopmin'/),
  "a user without the keys": () => startRestricted(["~other:*", "&*", "+@all"], /NOPERM .*key/i),
  "a read-only replica": async () => {
    const [primary, replica] = await Promise.all([startOwnRedis(), startOwnRedis()]);
    const admin = await connect(replica.url);
    await admin.replicaof("127.0.0.1", new URL(primary.url).port);
    return { url: replica.url, reason: /READONLY/, accept: () => admin.replicaof("NO", "ONE") };
  },
  "a Redis without memory": async () => {
    const redis = await startOwnRedis();
    const admin = await connect(redis.url);
    await admin.config("SET", "maxmemory", "1");
    return { url: redis.url, reason: /OOM/, accept: () => admin.config("SET", "maxmemory", "0") };
  },
  "a cluster node without slots": async () => {
    const redis = await startOwnRedis("--cluster-enabled", "yes", "--databases", "1");
    const admin = await connect(redis.url);
    return {
      url: redis.url,
      reason: /CLUSTERDOWN/,
      accept: () => admin.call("CLUSTER", "ADDSLOTS", ...Array.from({ length: 16_384 }, (_, slot) => slot)),
    };
  },
  "a cluster node that is not responsible": async () => {
    const info = toInfoReply("7.2.0");
    return startRefusingRedis((command) => {
      if (command === "INFO") return info;
      return command === "CLIENT" ? "+OK\r\n" : "-MOVED 4396 10.0.0.7:6379\r\n";
    }).then(({ url }) => ({ url, reason: /MOVED/ }));
  },
  "a password that was rotated": async () => {
    const { url, admin } = await startWithUser(["~*", "&*", "+@all"]);
    return {
      url,
      reason: /WRONGPASS/,
      refuse: async () => {
        await admin.acl("SETUSER", "vital", "resetpass", ">another-password");
        await admin.client("KILL", "USER", "vital");
      },
      accept: () => admin.acl("SETUSER", "vital", "resetpass", ">secret-of-vital"),
    };
  },
  "a Redis that still loads its data": async () => {
    const info = toInfoReply("7.2.0");
    const { url } = await startRefusingRedis((command) =>
      command === "INFO" ? info : "-LOADING Redis is loading the dataset in memory\r\n",
    );
    return { url, reason: /LOADING/ };
  },
  "a Redis that is too old": async () => {
    const info = toInfoReply("4.0.14");
    const { url } = await startRefusingRedis((command) =>
      command === "INFO" ? info : `-ERR unknown command '${command}'\r\n`,
    );
    return { url, reason: /Redis version needs to be/ };
  },
};

// Each state has a database of its own: a worker in another state must not do its work.
const states = await Promise.all(
  Object.entries(starters).map(async ([name, start]) => {
    const mongodbUrl = createTestDatabase();
    const client = new mongoose.mongo.MongoClient(mongodbUrl);
    afterAll(() => client.close());
    return { name, mongodbUrl, client, ...(await start()) };
  }),
);

/** Adds a mapping that is due, as the gateway stores it for a signup. */
async function addDueMapping(client: mongoose.mongo.MongoClient) {
  const mappings = client.db().collection<MappingDocument>(mappingCollection);
  const appUserId = appUser();
  const now = new Date();
  await mappings.insertOne({
    _id: appUserId,
    clientUserId: appUserId,
    state: "pending",
    environment: "sandbox",
    region: "us",
    generation: 1,
    revision: 1,
    requestedAt: now,
    updatedAt: now,
    attempts: 0,
    nextSweepAt: now,
    sweeps: 0,
  });
  return async () => (await mappings.findOne({ _id: appUserId }))?.state === "active";
}

async function readCpuSeconds(worker: Service): Promise<number> {
  const text = await (await fetch(`${worker.adminUrl}/metrics`)).text();
  return Number(/^vital_gateway_process_cpu_seconds_total (\S+)/m.exec(text)?.[1]);
}

type Line = { level?: string; reason?: string; msg?: string };
const readLines = (worker: Service): Line[] =>
  worker
    .lines()
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);

const warnings = (worker: Service, reason: RegExp): Line[] =>
  readLines(worker).filter((line) => line.level === "warn" && reason.test(line.reason ?? ""));

test.concurrent.each(states)(
  "with $name the worker names the reason, works through the sweeper and recovers, and the gateway works",
  { timeout: 120_000 },
  async ({ url, reason, refuse, accept, mongodbUrl, client }) => {
    const settings = { REDIS_URL: url, MONGODB_URL: mongodbUrl };
    const processes = await Promise.all([
      stack.startReady("worker", settings),
      stack.startReady("gateway", settings),
    ]);
    const [worker, gateway] = processes;
    await refuse?.();
    await waitUntil(`a warning names ${String(reason)}`, () => warnings(worker, reason).length > 0, 20_000);

    const isDone = await addDueMapping(client);
    const before = await Promise.all(processes.map(readCpuSeconds));
    await delay(measuredMs);
    const after = await Promise.all(processes.map(readCpuSeconds));
    for (const [at, seconds] of after.entries()) {
      expect((seconds - (before[at] ?? 0)) / (measuredMs / 1_000)).toBeLessThan(0.25);
    }
    const user = appUser();
    const asked = performance.now();
    const statuses = processes.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/readyz`)).status);
    expect(await Promise.all(statuses)).toEqual([200, 200]);
    expect((await stack.publish(gateway, user)).status).toBe(202);
    expect(performance.now() - asked).toBeLessThan(2_000);
    const { data } = await sendGraphql(gateway, await stack.signIn(user));
    expect(data?.vitalSignInToken?.signInToken).toBeTypeOf("string");
    await waitUntil("the sweeper has done the work", isDone, 20_000);
    for (const process of processes) {
      expect(warnings(process, reason).length).toBeLessThanOrEqual(4);
    }

    if (accept !== undefined) {
      await accept();
      const isAccepted = () => readLines(worker).some(({ msg = "" }) => msg.startsWith("Redis accepts"));
      await waitUntil("the worker takes jobs again", isAccepted, 40_000);
    }
    for (const process of processes) {
      const { code, signal } = await process.stop();
      expect({ code, signal }).toEqual({ code: 0, signal: null });
      expect(process.lines().join("\n")).not.toContain("secret-of-vital");
      expect(process.lines().filter((line) => !line.startsWith("{"))).toEqual([]);
    }
  },
);
