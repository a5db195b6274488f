import { expect, test } from "vitest";
import { VitalError, type VitalErrorKind } from "../../../src/core/vital/vital-error.js";
import { createCircuitBreaker, type CircuitBreakerRules } from "../../../src/core/vital/circuit-breaker.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createLatch, createFakeNetwork } from "../../support/core/fake-network.js";

const rules: CircuitBreakerRules = {
  maxCallsInFlight: 3,
  failureThreshold: 3,
  answerWithinMs: 1_000,
  minOpenMs: 1_000,
  maxOpenMs: 4_000,
  credentialsProbeMs: 10_000,
};

const flush = () => new Promise<void>((resolve) => setImmediate(resolve));

function createBreakerContext() {
  const clock = createManualClock();
  const network = createFakeNetwork();
  /** How Vital as a whole fails: the outcome of a call about no user. */
  let outage: VitalErrorKind | null = null;
  const vital = createFakeVital({
    network: (operation, commit) =>
      outage !== null && operation === "findAnyUser"
        ? Promise.reject(new VitalError(outage, "list-users: 500"))
        : network.network(operation, commit),
  });
  const reported: unknown[] = [];
  const breaker = createCircuitBreaker(vital.api, {
    now: clock.now,
    // The jitter is a factor of 1.
    random: () => 1,
    rules,
    onThrottled: (untilAt) => reported.push(untilAt.getTime() - clock.now().getTime()),
    onCredentials: (areRefused) => reported.push(areRefused ? "refused" : "accepted"),
  });
  const call = () => breaker.findUser("ada");
  const outcome = () => call().catch((error: unknown) => error as VitalError);
  /** One call about a user that fails with this kind of error, while Vital as a whole responds. */
  async function failForUser(kind: VitalErrorKind, details: { retryAfterMs?: number } = {}) {
    network.fail("findUser", kind, details);
    const error = await outcome();
    await flush();
    return error;
  }
  /** One call that fails with this kind of error, as every call does at that moment. */
  async function fail(kind: VitalErrorKind, details: { retryAfterMs?: number } = {}) {
    outage = kind;
    await failForUser(kind, details);
    outage = null;
  }
  async function failTimes(count: number) {
    for (let done = 0; done < count; done += 1) await fail("unavailable");
  }
  const countQuestions = () => vital.calls.filter((operation) => operation === "findAnyUser").length;
  return {
    clock,
    network,
    vital,
    breaker,
    reported,
    call,
    outcome,
    fail,
    failForUser,
    failTimes,
    countQuestions,
  };
}

/** Makes one call and returns whether it reached Vital. */
async function letsCallThrough({
  outcome,
  vital,
}: ReturnType<typeof createBreakerContext>): Promise<boolean> {
  const before = vital.calls.length;
  await outcome();
  return vital.calls.length > before;
}

test("the breaker opens after several failures in a row, and blocked calls say when to retry", async () => {
  const context = createBreakerContext();
  await context.failTimes(2);
  expect(await letsCallThrough(context)).toBe(true);
  await context.failTimes(3);
  const calls = context.vital.calls.length;
  expect(await context.outcome()).toMatchObject({
    kind: "unavailable",
    wasCalled: false,
    retryAfterMs: 1_000,
  });
  context.clock.advance(400);
  expect(await context.outcome()).toMatchObject({ retryAfterMs: 600 });
  expect(context.vital.calls).toHaveLength(calls);
});

test("requests that Vital refuses do not open the breaker, because a response counts as a success", async () => {
  const context = createBreakerContext();
  for (const kind of ["unavailable", "unavailable", "refused", "unavailable", "not_found"] as const) {
    await context.fail(kind);
  }
  await context.failTimes(2);
  expect(await letsCallThrough(context)).toBe(true);
});

test.each(["unavailable", "invalid_response", "unknown_path", "forbidden"] as const)(
  "failures of users (%s) never open the breaker while Vital as a whole responds",
  async (kind) => {
    const context = createBreakerContext();
    for (let count = 0; count < 100; count += 1) {
      const error = await context.failForUser(kind);
      expect(error).toMatchObject({ kind, wasCalled: true, isAttempt: true });
      context.clock.advance(50);
    }
    expect(await letsCallThrough(context)).toBe(true);
    // At most one question each second.
    expect(context.countQuestions()).toBeLessThanOrEqual(6);
  },
);

test("a probe that fails because of its user does not keep the breaker open", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  context.clock.advance(1_000);
  await context.failForUser("unavailable");
  expect(await letsCallThrough(context)).toBe(true);
  expect(await letsCallThrough(context)).toBe(true);
});

test("a probe that fails while Vital as a whole fails is not an attempt on its user", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  context.clock.advance(1_000);
  expect(await context.failForUser("unavailable")).toMatchObject({ wasCalled: true, isAttempt: false });
});

test("the breaker opens when Vital as a whole does not answer in time, and a late answer closes it", async () => {
  const context = createBreakerContext();
  const answer = context.network.holdBeforeCommit("findAnyUser");
  for (let count = 0; count < 3; count += 1) await context.failForUser("unavailable");
  await answer.reached;
  expect(await letsCallThrough(context)).toBe(true);
  context.clock.advance(999);
  for (let count = 0; count < 3; count += 1) await context.failForUser("unavailable");
  expect(await letsCallThrough(context)).toBe(true);
  context.clock.advance(1);
  for (let count = 0; count < 3; count += 1) await context.failForUser("unavailable");
  expect(await context.outcome()).toMatchObject({ kind: "unavailable", wasCalled: false });
  answer.release();
  await flush();
  expect(await letsCallThrough(context)).toBe(true);
});

test("a wait that Vital asked for since the question was asked outlasts the answer", async () => {
  const context = createBreakerContext();
  const answer = context.network.holdBeforeCommit("findAnyUser");
  for (let count = 0; count < 3; count += 1) await context.failForUser("unavailable");
  await answer.reached;
  context.breaker.blockUntil(new Date(context.clock.now().getTime() + 30_000));
  answer.release();
  await flush();
  expect(await context.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 30_000 });
});

test("a failed question does not open the breaker when other calls have succeeded since it was asked", async () => {
  const context = createBreakerContext();
  const question = createLatch();
  context.network.failAfter("findAnyUser", question.opened);
  for (let count = 0; count < 3; count += 1) await context.failForUser("unavailable");
  expect(await letsCallThrough(context)).toBe(true);
  question.open();
  await flush();
  expect(await letsCallThrough(context)).toBe(true);
});

test("a refusal for one user raises the question whether Vital refuses the key, and only the answer decides", async () => {
  const context = createBreakerContext();
  await context.failForUser("forbidden");
  expect(context.countQuestions()).toBe(1);
  expect(context.reported).toEqual([]);
  context.clock.advance(1_000);
  context.network.fail("findAnyUser", "credentials_refused");
  await context.failForUser("forbidden");
  expect(context.reported).toEqual(["refused"]);
  expect(await context.outcome()).toMatchObject({ kind: "credentials_refused", wasCalled: false });
});

test("the breaker lets one probe at a time through when it is half-open", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  context.clock.advance(1_000);
  const probe = context.network.holdBeforeCommit("findUser");
  const probing = context.call();
  await probe.reached;
  expect(await letsCallThrough(context)).toBe(false);
  probe.release();
  await probing;
  expect(await letsCallThrough(context)).toBe(true);
  expect(await letsCallThrough(context)).toBe(true);
});

test("the open time doubles after each failed probe, up to a cap, and starts at the minimum again after a success", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  for (const openMs of [1_000, 2_000, 4_000, 4_000]) {
    context.clock.advance(openMs - 1);
    expect(await letsCallThrough(context)).toBe(false);
    context.clock.advance(1);
    await context.fail("unavailable");
  }
  context.clock.advance(4_000);
  expect(await letsCallThrough(context)).toBe(true);
  await context.failTimes(3);
  expect(await context.outcome()).toMatchObject({ retryAfterMs: 1_000 });
});

test("a failed probe opens the breaker again, whatever opened it before", async () => {
  const context = createBreakerContext();
  await context.fail("throttled", { retryAfterMs: 5_000 });
  context.clock.advance(5_000);
  await context.fail("unavailable");
  expect(await letsCallThrough(context)).toBe(false);
});

test("calls that fail after the breaker has opened do not extend the open time", async () => {
  const context = createBreakerContext();
  const responses = [1, 2].map(() => createLatch());
  for (const { opened } of responses) context.network.failAfter("createUser", opened);
  const late = responses.map(() => context.breaker.createUser("ada").catch(() => undefined));
  await context.failTimes(3);
  for (const response of responses) response.open();
  await Promise.all(late);
  expect(await context.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 1_000 });
  context.clock.advance(1_000);
  await context.fail("unavailable");
  expect(await context.outcome()).toMatchObject({ retryAfterMs: 2_000 });
});

test("the breaker reports nothing about a key that was never refused, and the shortest retry delay is 100 ms", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  context.clock.advance(999);
  expect(await context.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 100 });
  context.clock.advance(1);
  expect(await letsCallThrough(context)).toBe(true);
  expect(context.reported).toEqual([]);
});

test("when another process's wait has already ended, the breaker stays closed and lets simultaneous calls through", async () => {
  const context = createBreakerContext();
  context.breaker.blockUntil(new Date(context.clock.now().getTime() - 1));
  const holds = [1, 2].map(() => context.network.holdBeforeCommit("findUser"));
  const calls = holds.map(() => context.call());
  for (const hold of holds) hold.release();
  await Promise.all(calls);
});

test("the breaker blocks all calls while Vital asks to wait, and reports the end of the wait for the other processes", async () => {
  const context = createBreakerContext();
  await context.fail("throttled", { retryAfterMs: 30_000 });
  expect(context.reported).toEqual([30_000]);
  for (let second = 0; second < 30; second += 1) {
    expect(await context.outcome()).toMatchObject({ kind: "throttled", wasCalled: false });
    context.clock.advance(1_000);
  }
  expect(await letsCallThrough(context)).toBe(true);
});

test("a late response with another wait is reported only for the time that it adds", async () => {
  const clock = createManualClock();
  const added: number[] = [];
  const waits = [30_000, 30_000, 31_000];
  const responses = waits.map(() => createLatch());
  let calls = 0;
  const vital = createFakeVital({
    async network() {
      const index = calls++;
      await responses[index]?.opened;
      throw new VitalError("throttled", "429", { retryAfterMs: waits[index] ?? 0 });
    },
  });
  const onThrottled = (_untilAt: Date, addedMs: number) => void added.push(addedMs);
  const breaker = createCircuitBreaker(vital.api, {
    now: clock.now,
    random: () => 1,
    rules,
    onThrottled,
  });
  const late = waits.map(() => breaker.findAnyUser().catch(() => undefined));
  for (const [index, response] of responses.entries()) {
    response.open();
    await late[index];
  }
  expect(added).toEqual([30_000, 1_000]);
});

test.each([undefined, 0])(
  "a throttling response with a wait of %s milliseconds opens the breaker for the minimum time",
  async (ms) => {
    const context = createBreakerContext();
    await context.fail("throttled", ms === undefined ? {} : { retryAfterMs: ms });
    expect(await context.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 1_000 });
    expect(context.reported).toEqual([1_000]);
  },
);

test("when Vital asks another process to wait, the breaker opens for the longer of two waits", async () => {
  const context = createBreakerContext();
  const at = (ms: number) => new Date(context.clock.now().getTime() + ms);
  context.breaker.blockUntil(at(-1));
  expect(await letsCallThrough(context)).toBe(true);
  context.breaker.blockUntil(at(9_000));
  context.breaker.blockUntil(at(5_000));
  expect(await context.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 9_000 });
});

test("the breaker tries a refused key again from time to time, and reports when it is accepted again", async () => {
  const context = createBreakerContext();
  await context.fail("credentials_refused");
  expect(context.reported).toEqual(["refused"]);
  expect(await context.outcome()).toMatchObject({ kind: "credentials_refused", wasCalled: false });
  context.clock.advance(12_500);
  await context.fail("credentials_refused");
  expect(await letsCallThrough(context)).toBe(false);
  context.clock.advance(12_500);
  expect(await letsCallThrough(context)).toBe(true);
  expect(context.reported).toEqual(["refused", "refused", "accepted"]);
});

test("a refused key is still known to be refused after a wait that Vital asked for", async () => {
  const context = createBreakerContext();
  await context.fail("credentials_refused");
  context.breaker.blockUntil(new Date(context.clock.now().getTime() + 60_000));
  context.clock.advance(60_000);
  await context.fail("unavailable");
  context.clock.advance(60_000);
  expect(await letsCallThrough(context)).toBe(true);
  expect(context.reported).toEqual(["refused", "accepted"]);
});

test("calls above the limit in flight are rejected immediately, and calls pass again when others have ended", async () => {
  const context = createBreakerContext();
  const holds = [1, 2, 3].map(() => context.network.holdBeforeCommit("findUser"));
  const calls = holds.map(() => context.call());
  for (const hold of holds) await hold.reached;
  expect(await context.outcome()).toMatchObject({ kind: "unavailable", wasCalled: false });
  holds[0]?.release();
  await calls[0];
  expect(await letsCallThrough(context)).toBe(true);
  for (const hold of holds) hold.release();
  await Promise.all(calls);
});

test("late successes neither close a breaker that has opened since nor extend its open time", async () => {
  const context = createBreakerContext();
  const late = [
    context.network.holdBeforeCommit("createUser"),
    context.network.holdBeforeCommit("createUser"),
  ];
  const calls = late.map(() => context.breaker.createUser("ada"));
  for (const hold of late) await hold.reached;
  await context.failTimes(3);
  for (const hold of late) hold.release();
  await Promise.all(calls);
  expect(await context.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 1_000 });
});

test("a late response that asks for a longer wait counts", async () => {
  const clock = createManualClock();
  const late = createLatch();
  const vital = createFakeVital({
    async network(operation, commit) {
      if (operation !== "createUser") throw new VitalError("unavailable", "502");
      await late.opened;
      commit();
      throw new VitalError("throttled", "429", { retryAfterMs: 60_000 });
    },
  });
  const breaker = createCircuitBreaker(vital.api, { now: clock.now, random: () => 1, rules });
  const create = breaker.createUser("ada").catch(() => undefined);
  for (let done = 0; done < 3; done += 1) await breaker.findAnyUser().catch(() => undefined);
  late.open();
  await create;
  await expect(breaker.findAnyUser()).rejects.toMatchObject({ kind: "throttled", retryAfterMs: 60_000 });
});

test("a probe does not close a breaker that another process's wait has opened since", async () => {
  const context = createBreakerContext();
  await context.failTimes(3);
  context.clock.advance(1_000);
  const probe = context.network.holdBeforeCommit("findUser");
  const probing = context.call();
  await probe.reached;
  context.breaker.blockUntil(new Date(context.clock.now().getTime() + 30_000));
  probe.release();
  await probing;
  expect(await context.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 30_000 });
});

test("an error that is not a failure of Vital does not change the breaker", async () => {
  const clock = createManualClock();
  const vital = createFakeVital({ network: () => Promise.reject(new TypeError("a bug")) });
  const breaker = createCircuitBreaker(vital.api, { now: clock.now, random: () => 1, rules });
  for (let done = 0; done < 5; done += 1) await expect(breaker.findAnyUser()).rejects.toThrow(TypeError);
  expect(vital.calls).toHaveLength(5);
});

test("the breaker passes every operation to Vital", async () => {
  const { breaker, vital } = createBreakerContext();
  const { vitalUserId } = await breaker.createUser("ada");
  expect(await breaker.findUser("ada")).toMatchObject({ vitalUserId });
  expect(await breaker.findAnyUser()).toMatchObject({ vitalUserId });
  expect(await breaker.createSignInToken(vitalUserId)).toBe(`token-${vitalUserId}`);
  await breaker.deleteUser(vitalUserId);
  await expect(breaker.createSignInToken(vitalUserId)).rejects.toMatchObject({ kind: "not_found" });
  expect(vital.calls).toHaveLength(6);
});
