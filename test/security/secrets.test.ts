import { expect, onTestFinished, test } from "vitest";
import { captureOutput } from "../support/capture-output.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";
import { waitUntil } from "../support/wait-until.js";
import { startTestStack, secrets, tokenMutation, type TestStack } from "../support/security/test-stack.js";

async function findUsersDatabase(mongodbUrl: string): Promise<string> {
  const { default: mongoose } = await import("mongoose");
  const client = new mongoose.mongo.MongoClient(mongodbUrl);
  try {
    const database = client.db();
    const collections = await database.collections();
    const documents = await Promise.all(collections.map((collection) => collection.find({}).toArray()));
    return JSON.stringify(documents);
  } finally {
    await client.close();
  }
}

const fault = (vitalUrl: string, body: object) =>
  fetch(`${vitalUrl}/__simulator/faults`, { method: "POST", body: JSON.stringify(body) });

/**
 * Sends sign-ins, invalid tokens and invalid events while Vital fails in several ways. Returns the secrets that were used
 * and the responses.
 */
async function exerciseGateway(stack: TestStack): Promise<{ seen: string[]; responses: string }> {
  const gateway = await stack.startGateway({ LOG_LEVEL: "trace", GATEWAY_TOKENS_PER_MINUTE: "0" });
  await gateway.untilReady();
  const seen: string[] = [];
  const responses: string[] = [];
  const ask = async (token: string, query = tokenMutation) => {
    seen.push(token);
    const { body } = await gateway.query(token, query);
    const issued = body.data?.vitalSignInToken as { signInToken: string } | undefined;
    if (issued !== undefined) seen.push(issued.signInToken);
    else responses.push(JSON.stringify(body));
  };

  await ask(stack.token("u1"));
  await ask(stack.token("u1", { aud: "https://other.example.com" }));
  await ask(`${stack.token("u1").slice(0, -6)}AAAAAA`);
  await ask(stack.token("u1"), "{ viewer { nothing } }");
  for (const kind of [{ kind: "status", status: 500 }, { kind: "status", status: 401 }, { kind: "reset" }]) {
    await fault(stack.environment.VITAL_API_URL ?? "", { operation: "*", times: 1, ...kind });
    await ask(stack.token("u1"));
  }
  for (const authorization of [`Bearer ${secrets.eventsBearerToken}`, "Bearer wrong-events-bearer-000000"]) {
    for (const body of [JSON.stringify({ type: "user.created", data: { id: "u2" } }), "not json"]) {
      const headers = { authorization, "content-type": "application/json" };
      const response = await gateway.request("/v1/events", { method: "POST", headers, body });
      responses.push(await response.text());
    }
  }
  const admin = await fetch(`${gateway.adminUrl}/metrics`);
  responses.push(await admin.text());
  return { seen: [...seen, "wrong-events-bearer-000000"], responses: responses.join("\n") };
}

test("no key, password or token is in a log line, a response, a metric, MongoDB or Redis", async () => {
  const mongodbUrl = createTestDatabase();
  const redis = await startOwnRedis();
  const { Redis } = await import("ioredis");
  const stack = await startTestStack({ mongodbUrl, redisUrl: redis.url });
  onTestFinished(() => stack.close());
  const output = captureOutput();

  const { seen, responses } = await exerciseGateway(stack);
  await waitUntil("the log is written", () => output().includes("request rejected"));

  const reader = new Redis(redis.url);
  onTestFinished(() => {
    reader.disconnect();
  });
  const keys = await reader.keys("*");
  const kept = await Promise.all(keys.map((key) => reader.dump(key)));
  const outputs = {
    log: output(),
    responses,
    mongodb: await findUsersDatabase(mongodbUrl),
    redis: [...keys, ...kept].join("\n"),
  };
  expect(outputs.log).toContain('"level":"info"');
  expect(outputs.mongodb).toContain("u1");
  const forbidden = [...Object.values(secrets), ...seen];
  for (const [output, text] of Object.entries(outputs)) {
    for (const secret of forbidden) {
      if (text.includes(secret)) expect.fail(`${output} contains a secret: ${secret.slice(0, 12)}…`);
      // A JWT may be truncated, so its signature alone must not appear either.
      const signature = secret.split(".")[2];
      if (signature !== undefined && text.includes(signature)) expect.fail(`${output} contains a signature`);
    }
  }
});
