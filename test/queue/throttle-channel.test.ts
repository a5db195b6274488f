import { onTestFinished, expect, test } from "vitest";
import { createCommandConnection } from "../../src/queue/redis-connection.js";
import { createThrottleChannel } from "../../src/queue/throttle-channel.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnRedis, createTestRedis } from "../support/services.js";

/** One process's end of the channel. */
function join(url: string) {
  const commands = createCommandConnection(url);
  const subscriber = createCommandConnection(url);
  onTestFinished(() => {
    commands.disconnect();
    subscriber.disconnect();
  });
  const heard: number[] = [];
  const onThrottled = (until: Date) => void heard.push(until.getTime());
  const channel = createThrottleChannel({ commands, subscriber, onThrottled });
  return { ...channel, heard, subscriber };
}

const inTenSeconds = () => new Date(Date.now() + 10_000);

/** Announces until it is heard: the other end may just be subscribing. */
async function hears(from: ReturnType<typeof join>, to: ReturnType<typeof join>): Promise<void> {
  const before = to.heard.length;
  await waitUntil("the announcement is heard", () => {
    from.announce(inTenSeconds());
    return to.heard.length > before;
  });
}

test("what one process is told to wait reaches the others", async () => {
  const url = await createTestRedis();
  await hears(join(url), join(url));
});

test("it reaches those that start while it lasts, and nobody afterwards", async () => {
  const url = await createTestRedis();
  const speaker = join(url);
  await hears(speaker, join(url));
  const until = new Date(Date.now() + 1_500);
  speaker.announce(until);
  const newcomer = join(url);
  await waitUntil("the newcomer knows", () => newcomer.heard.length > 0);
  expect(newcomer.heard).toEqual([until.getTime()]);

  await waitUntil("it is over", () => Date.now() > until.getTime() + 50);
  const late = join(url);
  await waitUntil("it listens", () => late.subscriber.status === "ready");
  await hears(speaker, late);
  expect(late.heard.every((at) => at > until.getTime())).toBe(true);
});

test("a gateway in another database of the same Redis does not hear it", async () => {
  const [here, elsewhere] = [await createTestRedis(), await createTestRedis()];
  const [speaker, friend, stranger] = [join(here), join(here), join(elsewhere)];
  await hears(join(elsewhere), stranger);
  await hears(speaker, friend);
  const until = new Date(Date.now() + 20_000);
  speaker.announce(until);
  await waitUntil("the friend hears it", () => friend.heard.includes(until.getTime()));
  expect(stranger.heard).not.toContain(until.getTime());
});

test("it is heard again after Redis was away, and after the subscription failed", async () => {
  const redis = await startOwnRedis();
  const [speaker, listener] = [join(redis.url), join(redis.url)];
  await hears(speaker, listener);
  await redis.kill();
  await redis.start();
  await hears(speaker, listener);

  // A server that knows no SUBSCRIBE, for a while: the connection is up, and deaf.
  const { subscriber } = listener;
  const subscribe = subscriber.subscribe.bind(subscriber);
  let refusals = 0;
  subscriber.subscribe = () => {
    refusals += 1;
    return Promise.reject(new Error("ERR unknown command"));
  };
  subscriber.disconnect(true);
  await waitUntil("the subscription has failed", () => refusals > 0);
  subscriber.subscribe = subscribe;
  await hears(speaker, listener);
});

test("a time that has passed, or is absurdly far, is not believed", async () => {
  const url = await createTestRedis();
  const [speaker, listener] = [join(url), join(url)];
  await hears(speaker, listener);
  const before = listener.heard.length;
  speaker.announce(new Date(Date.now() - 1));
  speaker.announce(new Date(Date.now() + 24 * 3600 * 1000));
  await hears(speaker, listener);
  expect(listener.heard.slice(before).every((until) => until < Date.now() + 60_000)).toBe(true);
});
