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

test("the same seed gives the same faults, another seed others", () => {
  expect(plan("1")).toEqual(plan("1"));
  expect(plan("1")).not.toEqual(plan("2"));
});

test("a long run has every fault", () => {
  const names = new Set(plan("1").map(({ name }) => name));
  const missing = (Object.keys(faultKinds) as FaultName[]).filter((name) => !names.has(name));
  expect(missing).toEqual([]);
});

test("Retry-After is measured in every run of twenty seconds, three times in the usual two minutes, by turns", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const alone = (windowMs: number) =>
      plan(String(seed), windowMs).filter(({ target }) => target === "everything");
    expect(alone(20_000).length).toBeGreaterThanOrEqual(1);
    const inTwoMinutes = alone(120_000).map(({ name }) => name);
    expect(inTwoMinutes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(inTwoMinutes.slice(0, 2)).size).toBe(2);
  }
});

test("every gateway of a usual run can be frozen for longer than its clients wait", () => {
  const frozen = Array.from({ length: 20 }, (_, seed) => plan(String(seed), 120_000)).filter((faults) =>
    faults.some(({ name }) => name === "freeze a gateway, longer than every time-out"),
  );
  expect(frozen.length).toBeGreaterThan(10);
});

test("nothing is hurt twice at once, and all is over when the window ends", () => {
  const ends = new Map<string, number>();
  for (const { target, dueAtMs, durationMs } of plan("1", 90_000)) {
    const hurt = target === "everything" ? [...ends.keys(), target] : [target, "everything"];
    for (const one of hurt) expect(dueAtMs).toBeGreaterThanOrEqual(ends.get(one) ?? 0);
    ends.set(target, dueAtMs + durationMs);
    expect(dueAtMs + durationMs).toBeLessThanOrEqual(90_000);
  }
});
