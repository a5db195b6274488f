import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startSimulator } from "../../simulator/server.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { createTeamRecords } from "../../src/mongo/team.js";
import { createVitalClient } from "../../src/vital/vital-client.js";
import { createMongoConnection, type MongoConnection } from "../../src/mongo/connection.js";
import { startTestStack, type TestStack } from "../support/security/test-stack.js";
import { startOwnRedis, createTestDatabase, createTestRedis } from "../support/services.js";
import { startMongod } from "../support/mongo/start-mongod.js";
import { runCli } from "../support/cli/run-cli.js";

type Finding = { check: string; ok: boolean; detail: string; fix?: string };
type Report = { ok: boolean; findings: Finding[] };

const timeout = 60_000;
const database = createTestDatabase();
let team: TestStack;

async function withMongo(url: string, use: (mongo: MongoConnection) => Promise<unknown>): Promise<void> {
  const mongo = createMongoConnection({
    url,
    appName: "tests",
    serverSelectionTimeoutMs: 5_000,
    socketTimeoutMs: 5_000,
    maxPoolSize: 1,
  });
  await mongo.whenConnected;
  await use(mongo);
  await mongo.close();
}

const createIndexes = (url: string) => withMongo(url, (mongo) => createMappings(mongo).indexes.create());

beforeAll(async () => {
  team = await startTestStack({ mongodbUrl: database, redisUrl: await createTestRedis() });
  await createIndexes(database);
});
afterAll(() => team.close());

async function examine(settings: Record<string, string> = {}, flags: string[] = [], input = "") {
  const environment = { ...team.environment, ...settings };
  const { exitCode, stdout, stderr } = await runCli(["doctor", "--json", ...flags], environment, input);
  const report = JSON.parse(stdout) as Report;
  return {
    exitCode,
    stderr,
    stdout,
    report,
    failed: report.findings.filter(({ ok }) => !ok),
    find: (check: string) => report.findings.find((finding) => finding.check === check),
  };
}

test("when everything is ok: every check is named and the exit code is 0", { timeout }, async () => {
  const { exitCode, stdout } = await runCli(["doctor"], team.environment);
  expect(stdout).not.toContain("FAIL");
  const checks = ["settings", "MongoDB", "indexes", "Redis", "Redis eviction", "Redis persistence"];
  for (const check of [...checks, "Vital", "issuer"]) expect(stdout).toContain(`ok   ${check}: `);
  expect(exitCode).toBe(0);
});

test("missing settings are findings that name them", { timeout }, async () => {
  const { exitCode, stdout } = await runCli(["doctor"], { VITAL_API_KEY: "nonsense-key" });
  expect(exitCode).toBe(1);
  for (const name of ["VITAL_API_KEY", "MONGODB_URL", "REDIS_URL", "AUTH_ISSUER", "AUTH_AUDIENCE"]) {
    expect(stdout).toMatch(new RegExp(`FAIL settings: ${name}: .+\\n +→ \\S+`));
  }
  expect(stdout).not.toContain("nonsense-key");
});

test(
  "an API key of another deployment or team than the mappings is found before it does harm",
  { timeout },
  async () => {
    const { VITAL_API_URL = "", VITAL_API_KEY = "" } = team.environment;
    const client = createVitalClient({ apiUrl: VITAL_API_URL, apiKey: VITAL_API_KEY, timeoutMs: 5_000 });
    onTestFinished(() => client.close());
    const { teamId } = await client.createUser("doctor-team");
    const examineRemembered = async (environment: "sandbox" | "production", id: string) => {
      const url = createTestDatabase();
      await createIndexes(url);
      await withMongo(url, (mongo) => createTeamRecords(mongo).remember({ environment, region: "us" }));
      await withMongo(url, (mongo) => createTeamRecords(mongo).rememberTeamId(id));
      return examine({ MONGODB_URL: url });
    };

    expect((await examineRemembered("sandbox", teamId ?? "")).find("team")).toMatchObject({ ok: true });
    const ofAnotherTeam = await examineRemembered("sandbox", "another-team");
    expect(ofAnotherTeam.exitCode).toBe(1);
    expect(ofAnotherTeam.failed).toMatchObject([{ check: "team", fix: expect.any(String) as string }]);
    const ofAnotherDeployment = await examineRemembered("production", teamId ?? "");
    expect(ofAnotherDeployment.failed).toMatchObject([
      { check: "team", detail: "the key is for sandbox/us, the mappings for production/us" },
    ]);
  },
);

test(
  "everything that is down or misconfigured is found in one run, each with a suggested fix",
  { timeout },
  async () => {
    const redis = await startOwnRedis();
    const client = new Redis(redis.url);
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    await client.config("SET", "appendonly", "no");
    client.disconnect();
    const vital = await startSimulator({ apiKey: "sk_us_another_key_0123456789" });
    onTestFinished(() => vital.close());

    const { exitCode, report, failed, find } = await examine({
      MONGODB_URL: "mongodb://127.0.0.1:1/nowhere",
      REDIS_URL: redis.url,
      VITAL_API_URL: vital.url,
      AUTH_ISSUER: "http://127.0.0.1:1/issuer",
    });
    expect(exitCode).toBe(1);
    expect(report.ok).toBe(false);
    expect(failed.map(({ check }) => check).sort()).toEqual(
      ["MongoDB", "Redis eviction", "Redis persistence", "Vital", "issuer"].sort(),
    );
    for (const finding of failed) expect(finding.fix, finding.check).toMatch(/\S/);
    expect(find("MongoDB")?.fix).toContain("MONGODB_URL");
    expect(find("Redis eviction")).toMatchObject({ detail: "allkeys-lru" });
    expect(find("Redis eviction")?.fix).toContain("noeviction");
    expect(find("Vital")?.detail).toContain("401");
    expect(find("Vital")?.fix).toContain("VITAL_API_KEY");
    expect(find("issuer")?.fix).toContain("AUTH_ISSUER");
  },
);

test("missing indexes and a Redis that is down are found", { timeout }, async () => {
  const { exitCode, failed, find } = await examine({
    MONGODB_URL: createTestDatabase(),
    REDIS_URL: "redis://127.0.0.1:1",
  });
  expect(exitCode).toBe(1);
  expect(failed.map(({ check }) => check)).toEqual(["indexes", "Redis"]);
  expect(find("indexes")?.detail).toContain("vital_user_id_unique");
  expect(find("indexes")?.fix).toContain("vital-gateway migrate");
  expect(find("Redis")?.fix).toContain("REDIS_URL");
});

test(
  "a standalone MongoDB is found, with the command that initiates a replica set",
  { timeout },
  async () => {
    const { port } = await startMongod({ replicaSet: null });
    const { exitCode, failed } = await examine({ MONGODB_URL: `mongodb://127.0.0.1:${port}/vital` });
    expect(exitCode).toBe(1);
    expect(failed).toContainEqual({
      check: "MongoDB replica set",
      ok: false,
      detail: "a standalone server, without a replica set",
      fix: expect.stringContaining("rs.initiate()") as string,
    });
  },
);

test("the reason of MongoDB's driver is shown, without the password", { timeout }, async () => {
  const { find, stdout } = await examine({ MONGODB_URL: "mongodb://ada:c4n4ry00@127.0.0.1:1/vital" });
  expect(find("MongoDB")?.detail).toBe("connect ECONNREFUSED 127.0.0.1:1");
  expect(stdout).not.toContain("c4n4ry00");
});

describe("--token", () => {
  const examineToken = (token: string) => examine({}, ["--token"], token);

  test("reports that a valid token passes every check", { timeout }, async () => {
    const token = team.token("user-1");
    const { exitCode, report, stdout, stderr } = await examineToken(`Bearer ${token}\n`);
    expect(report.ok).toBe(true);
    expect(report.findings.length).toBeGreaterThan(5);
    expect(exitCode).toBe(0);
    expect(stdout + stderr).not.toContain(token.split(".")[2]);
  });

  test("names the user id claim, and rejects an id that many users share", { timeout }, async () => {
    const valid = await examineToken(team.token("user-1"));
    expect(valid.find("user id")).toMatchObject({ ok: true, detail: "an app user id in sub" });
    expect(valid.find("user id format")).toMatchObject({ ok: true, detail: "any id" });

    const oid = "6f0c2a4e-6a57-4f0e-9d2a-0c6f3f9b8e11";
    const shared = await examineToken(team.token("Not supported currently. Use oid claim.", { oid }));
    expect(shared.exitCode).toBe(1);
    expect(shared.find("user id of one user")).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/^the user id claim sub is .* not the id of one user$/) as string,
      fix: expect.stringContaining("set AUTH_USER_ID_CLAIM=oid") as string,
    });
    expect(shared.stdout).not.toContain(oid);
  });

  test("reports which check an invalid token fails, and never shows the token", { timeout }, async () => {
    const now = Math.floor(Date.now() / 1000);
    const cases = [
      { token: team.token("user-1", { exp: now - 3600, iat: now - 7200 }), expected: /expired|exp/i },
      { token: team.token("user-1", { aud: "https://other.example.com" }), expected: /aud/ },
      { token: "garbage-that-is-no-token", expected: /opaque|JWT/ },
      { token: team.token("user-1").slice(0, -20), expected: /complete token was copied/ },
      { token: "", expected: /no token on standard input/ },
      {
        token: "Authorization: Bearer undefined\n",
        expected: /the app sent \\?"undefined\\?" instead of a token/,
      },
      {
        token: "Bearer [object Object]",
        expected: /the app sent \\?"\[object Object\]\\?" instead of a token/,
      },
      { token: "Authorization: Bearer\n", expected: /no token on standard input/ },
      { token: "Bearer Bearer x", expected: /the word Bearer twice/ },
      { token: 'Bearer "x"', expected: /in quotation marks/ },
    ];
    const results = await Promise.all(cases.map(({ token }) => examineToken(token)));
    cases.forEach(({ token, expected }, index) => {
      const result = results[index];
      expect(result?.exitCode, token.slice(-10)).toBe(1);
      expect(JSON.stringify(result?.failed)).toMatch(expected);
      const [secret] = token.split(".").slice(-1);
      if (secret) expect(`${result?.stdout ?? ""}${result?.stderr ?? ""}`).not.toContain(secret);
    });
  });
});

test("a token on the command line is rejected and not repeated", { timeout }, async () => {
  const token = team.token("user-1");
  for (const args of [["--token", token], [`--token=${token}`], [`-t${token}`]]) {
    const { exitCode, stdout, stderr } = await runCli(["doctor", ...args], team.environment);
    expect(exitCode).toBe(2);
    for (const part of token.split(".")) expect(stdout + stderr).not.toContain(part);
    if (args[0]?.startsWith("--token") === true) expect(stderr).toContain("standard input");
  }
});

test("wrong usage exits 2", { timeout }, async () => {
  const { exitCode, stderr } = await runCli(["doctor", "--nonsense"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("--nonsense");
});

test("events in a queue that no worker reads are a finding", { timeout }, async () => {
  const redis = await startOwnRedis();
  const connection = new Redis(redis.url);
  onTestFinished(() => {
    connection.disconnect();
  });
  const settings = { REDIS_URL: redis.url };
  expect((await examine(settings)).find("producers")?.ok).toBe(true);
  await new Queue("app-user-events", { connection }).add("app-user-event", { appUserId: "u1" });
  const { exitCode, find, stdout } = await examine(settings);
  expect(find("producers")).toMatchObject({
    ok: false,
    detail: "1 job waits in the queue bull:app-user-events, which no worker reads",
    fix: expect.stringContaining("prefix to {vital}") as string,
  });
  expect(exitCode).toBe(1);
  expect(stdout).not.toContain("u1");
});

test("a queue that is paused is a finding", { timeout }, async () => {
  const redisUrl = await createTestRedis();
  const connection = new Redis(redisUrl);
  onTestFinished(() => {
    connection.disconnect();
  });
  const queue = new Queue("app-user-events", { connection, prefix: "{vital}" });
  await queue.pause();
  const { exitCode, find } = await examine({ REDIS_URL: redisUrl });
  expect(find("queues")).toMatchObject({
    ok: false,
    detail: "the queue app-user-events is paused, and no worker takes its jobs",
  });
  expect(exitCode).toBe(1);
  await queue.resume();
  expect((await examine({ REDIS_URL: redisUrl })).find("queues")).toBeUndefined();
});
