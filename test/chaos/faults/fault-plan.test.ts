import { expect, test } from "vitest";
import { faultKinds, type FaultName } from "./fault-kinds.js";
import { createRandom } from "../../support/random.js";
import { planFaults } from "./fault-plan.js";

const targets = {
  worker: ["worker-0", "worker-1", "worker-2"],
  gateway: ["gateway-0", "gateway-1"],
  "direct-member": ["worker-0", "gateway-0"],
  member: ["worker-0", "worker-1", "worker-2", "gateway-0", "gateway-1"],
};
const plan = (seed: string, windowMs = 300_000) =>
  planFaults({ targets, windowMs, random: createRandom(seed) });

test("the same seed plans the same faults, another seed plans other faults", () => {
  expect(plan("1")).toEqual(plan("1"));
  expect(plan("1")).not.toEqual(plan("2"));
});

test("a long run contains every fault", () => {
  const names = new Set(plan("1").map(({ name }) => name));
  const missing = (Object.keys(faultKinds) as FaultName[]).filter((name) => !names.has(name));
  expect(missing).toEqual([]);
});

test("Retry-After is measured in every run of 20 s, and three times with alternating statuses in the default 120 s", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const alone = (windowMs: number) =>
      plan(String(seed), windowMs).filter(({ target }) => target === "everything");
    expect(alone(20_000).length).toBeGreaterThanOrEqual(1);
    const inTwoMinutes = alone(120_000).map(({ name }) => name);
    expect(inTwoMinutes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(inTwoMinutes.slice(0, 2)).size).toBe(2);
  }
});

test("most default runs freeze a gateway for longer than clients wait", () => {
  const frozen = Array.from({ length: 20 }, (_, seed) => plan(String(seed), 120_000)).filter((faults) =>
    faults.some(({ name }) => name === "freeze a gateway for longer than clients wait"),
  );
  expect(frozen.length).toBeGreaterThan(10);
});

test("a target never has two faults at once, and all faults end before the window does", () => {
  const ends = new Map<string, number>();
  for (const { target, dueAtMs, durationMs } of plan("1", 90_000)) {
    const affected = target === "everything" ? [...ends.keys(), target] : [target, "everything"];
    for (const one of affected) expect(dueAtMs).toBeGreaterThanOrEqual(ends.get(one) ?? 0);
    ends.set(target, dueAtMs + durationMs);
    expect(dueAtMs + durationMs).toBeLessThanOrEqual(90_000);
  }
});
