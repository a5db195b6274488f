import mongoose from "mongoose";
import { afterAll, expect, test } from "vitest";
import { startMongod } from "../support/mongo/start-mongod.js";
import { createTestDatabase, createTestRedis } from "../support/services.js";
import { appUser, sendGraphql, startStack, type Service } from "../support/stack.js";
import { waitUntil } from "../support/wait-until.js";

const stack = await startStack({ mongodbUrl: createTestDatabase(), redisUrl: await createTestRedis() });
const password = "c4n4ry00";
const { port } = await startMongod({ replicaSet: "rs0", user: { name: "root", password: "of-the-test" } });
const admin = new mongoose.mongo.MongoClient(`mongodb://root:of-the-test@127.0.0.1:${port}/?replicaSet=rs0`);
afterAll(() => admin.close());

const toUrl = (user: string, options: string) =>
  `mongodb://${user}:${password}@127.0.0.1:${port}/vital?authSource=admin&replicaSet=${options}`;

const createUser = (name: string, roles: unknown[]) =>
  admin.db("admin").command({ createUser: name, pwd: password, roles });

type State = { name: string; url: string; reason: string; fix: string; repair?: () => Promise<unknown> };

const states: State[] = [
  {
    name: "a wrong password",
    url: toUrl("ada", "rs0"),
    reason: "authentication failed",
    fix: "check the user name and the password in MONGODB_URL",
    repair: () => createUser("ada", [{ role: "readWrite", db: "vital" }]),
  },
  {
    name: "a user without permissions",
    url: toUrl("bob", "rs0"),
    reason: "the user is not authorized",
    fix: "give the user of MONGODB_URL the role readWrite",
    repair: () =>
      admin.db("admin").command({ grantRolesToUser: "bob", roles: [{ role: "readWrite", db: "vital" }] }),
  },
  {
    name: "a wrong name of the replica set",
    url: toUrl("ada", "rs1"),
    reason: 'none of the servers is a member of the replica set "rs1"',
    fix: "set replicaSet in MONGODB_URL",
  },
  {
    name: "a server without TLS",
    url: `${toUrl("ada", "rs0")}&tls=true`,
    reason: "TLS",
    fix: "remove tls=true",
  },
  {
    name: "a host name that does not resolve",
    url: `mongodb://ada:${password}@mongo.invalid/vital`,
    reason: "mongo.invalid",
    fix: "check the host name in MONGODB_URL",
  },
  {
    name: "an SRV record that does not exist",
    url: `mongodb+srv://ada:${password}@cluster.mongo.invalid/vital`,
    reason: "cluster.mongo.invalid",
    fix: "check the host name after mongodb+srv://",
  },
];
await createUser("bob", []);

type Line = { level?: string; reason?: string; fix?: string; msg?: string };
const readWarnings = (service: Service): Line[] =>
  service
    .lines()
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ level, msg }) => level === "warn" && msg === "MongoDB is not available");

async function readReadiness(url: string) {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, text: await response.text() };
}

test.concurrent.each(states)(
  "with $name, the processes and their admin ports say why, and the public port does not",
  { timeout: 90_000 },
  async ({ url, reason, fix, repair }) => {
    const settings = { MONGODB_URL: url };
    const processes = [await stack.start("worker", settings), await stack.start("gateway", settings)];
    const [, gateway] = processes as [Service, Service];
    for (const process of processes) {
      await waitUntil("a warning", () => readWarnings(process).length > 0, 30_000);
      const [warning] = readWarnings(process);
      expect(warning?.reason).toContain(reason);
      expect(warning?.fix).toContain(fix);
      const { status, text } = await readReadiness(process.adminUrl);
      expect(status).toBe(503);
      const body = JSON.parse(text) as Line;
      expect(body.reason).toMatch(/^MongoDB: /);
      expect(body.reason).toContain(reason);
      expect(body.fix).toContain(fix);
    }
    const shown = await readReadiness(gateway.url);
    expect(shown.status).toBe(503);
    expect(shown.text).toMatch(/"MongoDB (?:has not responded yet|is not responding)"/);
    const { errors } = await sendGraphql(gateway, await stack.signIn(appUser()));
    expect(errors?.[0]?.extensions.code).toBe("SERVICE_UNAVAILABLE");

    await repair?.();
    for (const process of processes) {
      if (repair !== undefined) await process.whenReady(20_000);
      expect(readWarnings(process).length).toBeLessThanOrEqual(3);
      expect(process.lines().join("\n")).not.toContain(password);
      const { code, signal } = await process.stop();
      expect({ code, signal }).toEqual({ code: 0, signal: null });
    }
  },
);

test("commands say why they cannot use MongoDB, and what to change", { timeout: 60_000 }, async () => {
  const state = { url: toUrl("eve", "rs0"), reason: "authentication failed" };
  const commands = [
    ["migrate"],
    ["status"],
    ["status", "user-1"],
    ["retry", "--failed"],
    ["retry", "user-1"],
  ];
  for (const args of commands) {
    const { code, output } = await stack.run(args, { ...stack.settings, MONGODB_URL: state.url });
    expect({ args, code }).toEqual({ args, code: 1 });
    expect(output).toBe(
      "MongoDB: authentication failed\nFix: check the user name and the password in MONGODB_URL, and that authSource is the database in which the user was created, often authSource=admin",
    );
  }
});
