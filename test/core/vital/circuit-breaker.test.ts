import { expect, test } from "vitest";
import { VitalError, type VitalErrorKind } from "../../../src/core/vital/vital-api.js";
import { createCircuitBreaker, type CircuitBreakerRules } from "../../../src/core/vital/circuit-breaker.js";
import { createFakeVital } from "../../support/core/fake-vital.js";
import { createManualClock } from "../../support/manual-clock.js";
import { createLatch, createScriptedNetwork } from "../../support/core/fake-network.js";

const rules: CircuitBreakerRules = {
  maxCallsInFlight: 3,
  failureThreshold: 3,
  minOpenMs: 1_000,
  maxOpenMs: 4_000,
  credentialsProbeMs: 10_000,
};

function openGate() {
  const clock = createManualClock();
  const network = createScriptedNetwork();
  const vital = createFakeVital({ network: network.network });
  const told: unknown[] = [];
  const gate = createCircuitBreaker(vital.api, {
    now: clock.now,
    // The jitter is a factor of 1.
    random: () => 1,
    rules,
    watcher: {
      onThrottled: (untilAt) => told.push(untilAt.getTime() - clock.now().getTime()),
      onCredentials: (isRefused) => told.push(isRefused ? "refused" : "taken"),
    },
  });
  const call = () => gate.findUser("ada");
  const outcome = () => call().catch((error: unknown) => error as VitalError);
  /** A call that Vital answers so. */
  async function fail(kind: VitalErrorKind, details: { retryAfterMs?: number } = {}) {
    network.fail("findUser", kind, details);
    await outcome();
  }
  async function failTimes(count: number) {
    for (let done = 0; done < count; done += 1) await fail("unavailable");
  }
  return { clock, network, vital, gate, told, call, outcome, fail, failTimes };
}

/** Whether the gate lets a call through, tried by one call. */
async function isOpen({ outcome, vital }: ReturnType<typeof openGate>): Promise<boolean> {
  const before = vital.calls.length;
  await outcome();
  return vital.calls.length > before;
}

test("closes after failures in a row and says when to come again, without calling", async () => {
  const house = openGate();
  await house.failTimes(2);
  expect(await isOpen(house)).toBe(true);
  await house.failTimes(3);
  const calls = house.vital.calls.length;
  expect(await house.outcome()).toMatchObject({ kind: "unavailable", wasCalled: false, retryAfterMs: 1_000 });
  house.clock.advance(400);
  expect(await house.outcome()).toMatchObject({ retryAfterMs: 600 });
  expect(house.vital.calls).toHaveLength(calls);
});

test("an answer is an answer: what Vital refuses does not close the gate", async () => {
  const house = openGate();
  for (const kind of ["unavailable", "unavailable", "refused", "unavailable", "not_found"] as const) {
    await house.fail(kind);
  }
  await house.failTimes(2);
  expect(await isOpen(house)).toBe(true);
});

test("opens by one probe at a time", async () => {
  const house = openGate();
  await house.failTimes(3);
  house.clock.advance(1_000);
  const probe = house.network.holdBeforeCommit("findUser");
  const probing = house.call();
  await probe.reached;
  expect(await isOpen(house)).toBe(false);
  probe.release();
  await probing;
  expect(await isOpen(house)).toBe(true);
  expect(await isOpen(house)).toBe(true);
});

test("waits longer after each failed probe, up to a cap, and begins anew after a success", async () => {
  const house = openGate();
  await house.failTimes(3);
  for (const closedMs of [1_000, 2_000, 4_000, 4_000]) {
    house.clock.advance(closedMs - 1);
    expect(await isOpen(house)).toBe(false);
    house.clock.advance(1);
    await house.fail("unavailable");
  }
  house.clock.advance(4_000);
  expect(await isOpen(house)).toBe(true);
  await house.failTimes(3);
  expect(await house.outcome()).toMatchObject({ retryAfterMs: 1_000 });
});

test("a probe that fails closes it again, whatever it was closed by", async () => {
  const house = openGate();
  await house.fail("throttled", { retryAfterMs: 5_000 });
  house.clock.advance(5_000);
  await house.fail("unavailable");
  expect(await isOpen(house)).toBe(false);
});

test("what fails late, after the gate closed, does not keep it closed for longer", async () => {
  const house = openGate();
  const answers = [1, 2].map(() => createLatch());
  for (const { opened } of answers) house.network.failAfter("createUser", opened);
  const late = answers.map(() => house.gate.createUser("ada").catch(() => undefined));
  await house.failTimes(3);
  for (const answer of answers) answer.open();
  await Promise.all(late);
  expect(await house.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 1_000 });
  house.clock.advance(1_000);
  await house.fail("unavailable");
  expect(await house.outcome()).toMatchObject({ retryAfterMs: 2_000 });
});

test("says nothing about a key that was never refused, and never to come back at once", async () => {
  const house = openGate();
  await house.failTimes(3);
  house.clock.advance(999);
  expect(await house.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 100 });
  house.clock.advance(1);
  expect(await isOpen(house)).toBe(true);
  expect(house.told).toEqual([]);
});

test("a wait of another process that is over leaves it open, to more than one call at a time", async () => {
  const house = openGate();
  house.gate.pauseUntil(new Date(house.clock.now().getTime() - 1));
  const holds = [1, 2].map(() => house.network.holdBeforeCommit("findUser"));
  const calls = holds.map(() => house.call());
  for (const hold of holds) hold.release();
  await Promise.all(calls);
});

test("lets nothing through while Vital asks to wait, and tells the other processes until when", async () => {
  const house = openGate();
  await house.fail("throttled", { retryAfterMs: 30_000 });
  expect(house.told).toEqual([30_000]);
  for (let second = 0; second < 30; second += 1) {
    expect(await house.outcome()).toMatchObject({ kind: "throttled", wasCalled: false });
    house.clock.advance(1_000);
  }
  expect(await isOpen(house)).toBe(true);
});

test("what comes back late with the same wait is counted for what it adds, and told only if it adds", async () => {
  const clock = createManualClock();
  const added: number[] = [];
  const waits = [30_000, 30_000, 31_000];
  const answers = waits.map(() => createLatch());
  let calls = 0;
  const vital = createFakeVital({
    async network() {
      const index = calls++;
      await answers[index]?.opened;
      throw new VitalError("throttled", "429", { retryAfterMs: waits[index] ?? 0 });
    },
  });
  const onThrottled = (_untilAt: Date, addedMs: number) => void added.push(addedMs);
  const gate = createCircuitBreaker(vital.api, {
    now: clock.now,
    random: () => 1,
    rules,
    watcher: { onThrottled },
  });
  const late = waits.map(() => gate.findAnyUser().catch(() => undefined));
  for (const [index, answer] of answers.entries()) {
    answer.open();
    await late[index];
  }
  expect(added).toEqual([30_000, 1_000]);
});

test.each([undefined, 0])(
  "a throttling answer that says to wait %s milliseconds closes it for a while",
  async (ms) => {
    const house = openGate();
    await house.fail("throttled", ms === undefined ? {} : { retryAfterMs: ms });
    expect(await house.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 1_000 });
    expect(house.told).toEqual([1_000]);
  },
);

test("closes when another process was asked to wait, for the longer of two waits", async () => {
  const house = openGate();
  const at = (ms: number) => new Date(house.clock.now().getTime() + ms);
  house.gate.pauseUntil(at(-1));
  expect(await isOpen(house)).toBe(true);
  house.gate.pauseUntil(at(9_000));
  house.gate.pauseUntil(at(5_000));
  expect(await house.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 9_000 });
});

test("tries a refused key gently, and says when it is taken again", async () => {
  const house = openGate();
  await house.fail("credentials_refused");
  expect(house.told).toEqual(["refused"]);
  expect(await house.outcome()).toMatchObject({ kind: "credentials_refused", wasCalled: false });
  house.clock.advance(12_500);
  await house.fail("credentials_refused");
  expect(await isOpen(house)).toBe(false);
  house.clock.advance(12_500);
  expect(await isOpen(house)).toBe(true);
  expect(house.told).toEqual(["refused", "refused", "taken"]);
});

test("a refused key is still known to be refused after a wait that Vital asked for", async () => {
  const house = openGate();
  await house.fail("credentials_refused");
  house.gate.pauseUntil(new Date(house.clock.now().getTime() + 60_000));
  house.clock.advance(60_000);
  await house.fail("unavailable");
  house.clock.advance(60_000);
  expect(await isOpen(house)).toBe(true);
  expect(house.told).toEqual(["refused", "taken"]);
});

test("refuses more calls than may be under way, at once, and takes them when others are done", async () => {
  const house = openGate();
  const holds = [1, 2, 3].map(() => house.network.holdBeforeCommit("findUser"));
  const calls = holds.map(() => house.call());
  for (const hold of holds) await hold.reached;
  expect(await house.outcome()).toMatchObject({ kind: "unavailable", wasCalled: false });
  holds[0]?.release();
  await calls[0];
  expect(await isOpen(house)).toBe(true);
  for (const hold of holds) hold.release();
  await Promise.all(calls);
});

test("answers that come late do not open a gate that closed meanwhile, and do not close it further", async () => {
  const house = openGate();
  const late = [house.network.holdBeforeCommit("createUser"), house.network.holdBeforeCommit("createUser")];
  const calls = late.map(() => house.gate.createUser("ada"));
  for (const hold of late) await hold.reached;
  await house.failTimes(3);
  for (const hold of late) hold.release();
  await Promise.all(calls);
  expect(await house.outcome()).toMatchObject({ wasCalled: false, retryAfterMs: 1_000 });
});

test("a late answer that asks for a longer wait counts", async () => {
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
  const gate = createCircuitBreaker(vital.api, { now: clock.now, random: () => 1, rules });
  const create = gate.createUser("ada").catch(() => undefined);
  for (let done = 0; done < 3; done += 1) await gate.findAnyUser().catch(() => undefined);
  late.open();
  await create;
  await expect(gate.findAnyUser()).rejects.toMatchObject({ kind: "throttled", retryAfterMs: 60_000 });
});

test("a probe does not open a gate that another process's wait closed meanwhile", async () => {
  const house = openGate();
  await house.failTimes(3);
  house.clock.advance(1_000);
  const probe = house.network.holdBeforeCommit("findUser");
  const probing = house.call();
  await probe.reached;
  house.gate.pauseUntil(new Date(house.clock.now().getTime() + 30_000));
  probe.release();
  await probing;
  expect(await house.outcome()).toMatchObject({ kind: "throttled", retryAfterMs: 30_000 });
});

test("what is no failure of Vital leaves the gate as it is", async () => {
  const clock = createManualClock();
  const vital = createFakeVital({ network: () => Promise.reject(new TypeError("a bug")) });
  const gate = createCircuitBreaker(vital.api, { now: clock.now, random: () => 1, rules });
  for (let done = 0; done < 5; done += 1) await expect(gate.findAnyUser()).rejects.toThrow(TypeError);
  expect(vital.calls).toHaveLength(5);
});

test("passes every operation on", async () => {
  const { gate, vital } = openGate();
  const { vitalUserId } = await gate.createUser("ada");
  expect(await gate.findUser("ada")).toMatchObject({ vitalUserId });
  expect(await gate.findAnyUser()).toMatchObject({ vitalUserId });
  expect(await gate.createSignInToken(vitalUserId)).toBe(`token-${vitalUserId}`);
  await gate.deleteUser(vitalUserId);
  await expect(gate.createSignInToken(vitalUserId)).rejects.toMatchObject({ kind: "not_found" });
  expect(vital.calls).toHaveLength(6);
});
