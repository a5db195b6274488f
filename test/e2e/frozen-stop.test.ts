import { expect, test } from "vitest";
import { appUser, sendGraphql, startStack } from "../support/stack.js";
import { startOwnMongo, startOwnRedis } from "../support/services.js";

const [mongo, redis] = await Promise.all([startOwnMongo(), startOwnRedis()]);
const stack = await startStack({ mongodbUrl: mongo.url, redisUrl: redis.url });

test("on SIGTERM, gateway and worker exit with 0 within ten seconds, even with MongoDB, Redis and Vital frozen and requests in flight", async () => {
  const [gateway, worker] = await Promise.all([stack.startReady("gateway"), stack.startReady("worker")]);
  const accessToken = await stack.signIn(appUser());
  await stack.vital.fault({ operation: "*", kind: "hang" });
  // Gateway and worker each wait for a response from Vital that will never arrive.
  const early = [sendGraphql(gateway, accessToken), stack.publish(gateway, appUser())];
  await early[1];
  mongo.pause();
  redis.pause();
  const late = [sendGraphql(gateway, await stack.signIn(appUser())), stack.publish(gateway, appUser())];
  const inFlight = Promise.allSettled([...early, ...late]);
  try {
    const startedAtMs = performance.now();
    for (const service of [gateway, worker]) service.kill("SIGTERM");
    const ends = await Promise.all([gateway.exited, worker.exited]);
    expect(ends).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
  } finally {
    mongo.resume();
    redis.resume();
  }
  await inFlight;
}, 60_000);
