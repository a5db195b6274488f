import { expect, test } from "vitest";
import { deliver, SendError, type DeliveryOptions } from "../../src/publisher/delivery.js";
import { createSemaphore } from "../../src/publisher/semaphore.js";

/** A `send` whose calls end when the test ends them, with the timeouts that it received. */
function createControlledSend() {
  const timeoutsMs: number[] = [];
  const ends: (() => void)[] = [];
  return {
    timeoutsMs,
    end: (index: number) => ends[index]?.(),
    send: (timeoutMs: number) =>
      new Promise<void>((resolve) => {
        timeoutsMs.push(timeoutMs);
        ends.push(resolve);
      }),
  };
}

const patient: DeliveryOptions = { deadlineMs: 60_000, random: () => 0 };
const turnOfLoop = () => new Promise((resolve) => setImmediate(resolve));

test("an event that waits for a permit starts its attempt afterwards, with the full timeout", async () => {
  const { send, end, timeoutsMs } = createControlledSend();
  const acquirePermit = createSemaphore(1);
  const both = Promise.all([1, 2].map(() => deliver(send, { ...patient, acquirePermit })));
  await turnOfLoop();
  expect(timeoutsMs).toEqual([10_000]);
  end(0);
  await turnOfLoop();
  expect(timeoutsMs).toEqual([10_000, 10_000]);
  end(1);
  expect(await both).toEqual([{ ok: true }, { ok: true }]);
});

test("permits are granted in the order of the requests, and skip callers that stopped waiting", async () => {
  const { send, end } = createControlledSend();
  const acquirePermit = createSemaphore(1);
  const abort = new AbortController();
  const order: string[] = [];
  const deliverAs = (name: string, options: Partial<DeliveryOptions> = {}) =>
    deliver(
      async (timeoutMs) => {
        order.push(name);
        await send(timeoutMs);
      },
      { ...patient, acquirePermit, ...options },
    );
  const [first, impatient, aborted, last] = [
    deliverAs("first"),
    deliverAs("impatient", { deadlineMs: 10 }),
    deliverAs("aborted", { signal: abort.signal }),
    deliverAs("last"),
  ];
  expect(await impatient).toMatchObject({ ok: false, reason: "deadline" });
  abort.abort();
  expect(await aborted).toMatchObject({ ok: false, reason: "aborted" });
  end(0);
  await first;
  await turnOfLoop();
  end(1);
  expect(await last).toEqual({ ok: true });
  expect(order).toEqual(["first", "last"]);
});

test("a send that never ends is abandoned at the deadline, and keeps its permit", async () => {
  const { send, timeoutsMs } = createControlledSend();
  const acquirePermit = createSemaphore(1);
  const outcomes = [1, 2].map(() => deliver(send, { ...patient, deadlineMs: 30, acquirePermit }));
  for (const outcome of await Promise.all(outcomes)) {
    expect(outcome).toMatchObject({ ok: false, reason: "deadline" });
  }
  expect(timeoutsMs).toHaveLength(1);
});

test("an infinite deadline is allowed", async () => {
  let attempts = 0;
  const send = () => {
    attempts += 1;
    return attempts < 3 ? Promise.reject(new SendError("not yet")) : Promise.resolve();
  };
  const acquirePermit = createSemaphore(1);
  expect(await deliver(send, { ...patient, deadlineMs: Infinity, acquirePermit })).toEqual({ ok: true });
});
