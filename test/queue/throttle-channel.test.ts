import { onTestFinished, expect, test } from "vitest";
import { createCommandConnection } from "../../src/queue/redis-connection.js";
import { createThrottleChannel } from "../../src/queue/throttle-channel.js";
import { waitUntil } from "../support/wait-until.js";
import { startOwnRedis, createTestRedis } from "../support/services.js";

/** Joins the channel as one process does. */
function join(url: string) {
  const commands = createCommandConnection(url);
  const subscriber = createCommandConnection(url);
  onTestFinished(() => {
    commands.disconnect();
    subscriber.disconnect();
  });
  const received: number[] = [];
  const onThrottled = (until: Date) => void received.push(until.getTime());
  const channel = createThrottleChannel({ commands, subscriber, onThrottled });
  return { ...channel, received, subscriber };
}

const inTenSeconds = () => new Date(Date.now() + 10_000);

/** Announces until the receiver gets it: the receiver may still be subscribing. */
async function expectReceived(from: ReturnType<typeof join>, to: ReturnType<typeof join>): Promise<void> {
  const before = to.received.length;
  await waitUntil("the announcement is received", () => {
    from.announce(inTenSeconds());
    return to.received.length > before;
  });
}

test("a wait that one process announces reaches the others", async () => {
  const url = await createTestRedis();
  await expectReceived(join(url), join(url));
});

test("a wait reaches processes that start during it, and none afterwards", async () => {
  const url = await createTestRedis();
  const sender = join(url);
  await expectReceived(sender, join(url));
  const until = new Date(Date.now() + 1_500);
  sender.announce(until);
  const newProcess = join(url);
  await waitUntil("the new process receives it", () => newProcess.received.length > 0);
  expect(newProcess.received).toEqual([until.getTime()]);

  await waitUntil("the wait is over", () => Date.now() > until.getTime() + 50);
  const late = join(url);
  await waitUntil("it is connected", () => late.subscriber.status === "ready");
  await expectReceived(sender, late);
  expect(late.received.every((at) => at > until.getTime())).toBe(true);
});

test("a gateway in another database of the same Redis does not receive it", async () => {
  const [here, elsewhere] = [await createTestRedis(), await createTestRedis()];
  const [sender, sameDatabase, otherDatabase] = [join(here), join(here), join(elsewhere)];
  await expectReceived(join(elsewhere), otherDatabase);
  await expectReceived(sender, sameDatabase);
  const until = new Date(Date.now() + 20_000);
  sender.announce(until);
  await waitUntil("the other process receives it", () => sameDatabase.received.includes(until.getTime()));
  expect(otherDatabase.received).not.toContain(until.getTime());
});

test("it is received again after a Redis outage, and after a failed subscription", async () => {
  const redis = await startOwnRedis();
  const [sender, receiver] = [join(redis.url), join(redis.url)];
  await expectReceived(sender, receiver);
  await redis.kill();
  await redis.start();
  await expectReceived(sender, receiver);

  // A server that temporarily rejects SUBSCRIBE: the connection is up, and receives nothing.
  const { subscriber } = receiver;
  const subscribe = subscriber.subscribe.bind(subscriber);
  let rejections = 0;
  subscriber.subscribe = () => {
    rejections += 1;
    return Promise.reject(new Error("ERR unknown command"));
  };
  subscriber.disconnect(true);
  await waitUntil("the subscription has failed", () => rejections > 0);
  subscriber.subscribe = subscribe;
  await expectReceived(sender, receiver);
});

test("a time in the past, or absurdly far in the future, is ignored", async () => {
  const url = await createTestRedis();
  const [sender, receiver] = [join(url), join(url)];
  await expectReceived(sender, receiver);
  const before = receiver.received.length;
  sender.announce(new Date(Date.now() - 1));
  sender.announce(new Date(Date.now() + 24 * 3600 * 1000));
  await expectReceived(sender, receiver);
  expect(receiver.received.slice(before).every((until) => until < Date.now() + 60_000)).toBe(true);
});
