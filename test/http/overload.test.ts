import { expect, onTestFinished, test } from "vitest";
import { startOverloadSampler } from "../../src/http/overload.js";

const block = (ms: number) => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

test("a process whose event loop stays late and busy is overloaded, and recovers", async () => {
  const sampler = startOverloadSampler({ maxDelayMs: 30, intervalMs: 20 });
  onTestFinished(() => {
    sampler.close();
  });
  expect(sampler.isOverloaded()).toBe(false);
  for (let turn = 0; turn < 8; turn += 1) {
    block(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sampler.isOverloaded()).toBe(true);
  await expect.poll(() => sampler.isOverloaded(), { interval: 20 }).toBe(false);
});

test("one long pause is not an overload", async () => {
  const sampler = startOverloadSampler({ maxDelayMs: 30, intervalMs: 20 });
  onTestFinished(() => {
    sampler.close();
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  block(200);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sampler.isOverloaded()).toBe(false);
});

test("a long turn of the event loop is an overload while it lasts, and not afterwards", async () => {
  const sampler = startOverloadSampler({ maxDelayMs: 30, maxTurnMs: 100, intervalMs: 20 });
  onTestFinished(() => {
    sampler.close();
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  block(50);
  expect(sampler.isOverloaded()).toBe(false);
  block(250);
  expect(sampler.isOverloaded()).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(sampler.isOverloaded()).toBe(false);
});
