import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { waitUntil } from "../support/wait-until.js";
import { appUser, sendGraphql, errorCode, startStack, type GraphqlResponse } from "../support/stack.js";
import { startOwnRedis, createTestDatabase } from "../support/services.js";

const redis = await startOwnRedis();
const stack = await startStack({
  mongodbUrl: createTestDatabase(),
  redisUrl: redis.url,
  settings: { LOG_LEVEL: "trace", ADMIN_PASSWORD: "admin-password-of-this-test" },
});
const [gateway, worker] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);

/** Returns all keys and values in Redis, of every type. */
async function readRedis(client: Redis): Promise<string> {
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => client.get(key),
    hash: (key) => client.hgetall(key),
    list: (key) => client.lrange(key, 0, -1),
    set: (key) => client.smembers(key),
    zset: (key) => client.zrange(key, 0, -1),
    stream: (key) => client.xrange(key, "-", "+"),
  };
  const keys = await client.keys("*");
  const values = await Promise.all(
    keys.map(async (key) => [key, await readers[await client.type(key)]?.(key)]),
  );
  return JSON.stringify(values);
}

async function readMongo(): Promise<string> {
  const collections = await stack.mongo.collections();
  return JSON.stringify(await Promise.all(collections.map((collection) => collection.find().toArray())));
}

const readMetrics = async (adminUrl: string) => (await fetch(`${adminUrl}/metrics`)).text();

const getSignInToken = ({ data }: GraphqlResponse) => data?.vitalSignInToken?.signInToken ?? "";

function sendEvent(authorization: string, id: string) {
  const body = JSON.stringify({ type: "user.created", timestamp: new Date().toISOString(), data: { id } });
  const headers = { "content-type": "application/json", authorization };
  return fetch(`${gateway.url}/v1/events`, { method: "POST", headers, body });
}

test("no secret is in any log line, error, job, stored document or metric", async () => {
  const [user, troubled, refused] = [appUser(), appUser(), appUser()];
  const [accessToken, troubledToken] = await Promise.all([stack.signIn(user), stack.signIn(troubled)]);
  const tampered = `${accessToken.slice(0, -12)}AAAAAAAAAAAA`;
  const wrongBearer = "a-wrong-token-of-some-length-0123456789";

  // Requests that succeed: an event with a signature, one with a token, and a sign-in.
  await stack.publish(gateway, user);
  expect((await sendEvent(`Bearer ${stack.secrets.bearerToken}`, user)).status).toBe(202);
  await stack.whenActive([user]);
  const signInToken = getSignInToken(await sendGraphql(gateway, accessToken));

  // Requests that fail: invalid credentials, then connection resets and errors at Vital, and an API key that it rejects.
  const refusals = [
    await (await sendEvent(`Bearer ${wrongBearer}`, user)).text(),
    (await sendGraphql(gateway, tampered)).text,
    (await sendGraphql(gateway, accessToken, `{ viewer { id(token: "${signInToken}") } }`)).text,
  ];
  await stack.vital.fault({ operation: "sign-in-token", kind: "reset", times: 2 });
  refusals.push((await sendGraphql(gateway, accessToken)).text);
  await stack.vital.clearFaults();
  await stack.vital.fault({ operation: "create-user", kind: "status", status: 500 });
  await stack.publish(gateway, troubled);
  refusals.push((await sendGraphql(gateway, troubledToken)).text);
  await waitUntil(
    "the failure is stored",
    async () => (await stack.findMapping(troubled))?.lastError !== undefined,
  );
  await stack.vital.clearFaults();
  await stack.vital.fault({ operation: "*", kind: "status", status: 401, times: 3 });
  await stack.publish(gateway, refused);
  const keyRefused = await sendGraphql(gateway, await stack.signIn(refused));
  expect(errorCode(keyRefused)).toBe("VITAL_UNAVAILABLE");
  refusals.push(keyRefused.text);

  const client = new Redis(redis.url);
  const outputs = {
    redis: await readRedis(client).finally(() => {
      client.disconnect();
    }),
    mongo: await readMongo(),
    "metrics of the gateway": await readMetrics(gateway.adminUrl),
    "metrics of the worker": await readMetrics(worker.adminUrl),
    "log of the gateway": gateway.lines().join("\n"),
    "log of the worker": worker.lines().join("\n"),
    refusals: refusals.join("\n"),
  };
  expect(outputs.redis).toContain(troubled);
  expect(outputs.mongo).toContain(user);
  expect(outputs["log of the gateway"]).toContain("request rejected");

  const { user_token: innerToken } = JSON.parse(Buffer.from(signInToken, "base64").toString()) as {
    user_token: string;
  };
  const secrets = {
    "API key": stack.secrets.apiKey,
    "signing secret": stack.secrets.signingSecret.slice("whsec_".length),
    "bearer token": stack.secrets.bearerToken,
    "wrong bearer token": wrongBearer,
    "admin password": "admin-password-of-this-test",
    "access token": accessToken.slice(-60),
    "body of the access token": accessToken.split(".")[1] ?? "",
    "tampered token": tampered.slice(-60),
    "sign-in token": signInToken.slice(-60),
    "token inside the sign-in token": innerToken.slice(-60),
  };
  const found = Object.entries(outputs).flatMap(([output, content]) =>
    Object.entries(secrets).flatMap(([name, secret]) =>
      content.includes(secret) ? [`${name} in ${output}`] : [],
    ),
  );
  expect(Object.values(secrets).every((secret) => secret.length >= 20)).toBe(true);
  expect(found).toEqual([]);
}, 60_000);
