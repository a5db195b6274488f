import { onTestFinished, expect, test } from "vitest";
import { startWatchdog } from "../../workers/watchdog.js";
import { waitUntil } from "../support/wait-until.js";

const rules = { checkEveryMs: 10, maxIdleMs: 40, maxRebuilds: 2 };

/** Workers that a test decides about: each begins no job unless it is told to. */
function setUp(hasWaitingJobs: () => Promise<boolean> = () => Promise.resolve(true)) {
  const workers: { lastAt: number; hasBegun: boolean; isClosed: boolean }[] = [];
  let given = 0;
  const house = { workers, givenUp: () => given, doesNextWork: false };
  const watchdog = startWatchdog({
    rules,
    hasWaitingJobs,
    shutDown: () => (given += 1),
    onRebuild: () => undefined,
    start() {
      const worker = { lastAt: Date.now(), hasBegun: house.doesNextWork, isClosed: false };
      workers.push(worker);
      return {
        idleMs: () => Date.now() - worker.lastAt,
        hasStartedJob: () => worker.hasBegun,
        close() {
          worker.isClosed = true;
          return Promise.resolve();
        },
      };
    },
  });
  onTestFinished(() => watchdog.close(0));
  return { ...house, watchdog, house };
}

const pass = (durationMs: number) => new Promise<void>((resolve) => setTimeout(resolve, durationMs));

test("a worker that begins nothing while jobs wait is replaced and closed, and when that does not help the process gives up", async () => {
  const { workers, givenUp } = setUp();
  await waitUntil("it gives up", () => givenUp() > 0);
  expect(workers).toHaveLength(1 + rules.maxRebuilds);
  expect(workers.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
});

test("a replacement that takes jobs again makes good for the one before", async () => {
  const { workers, givenUp, house } = setUp();
  house.doesNextWork = true;
  await waitUntil("it is replaced often", () => workers.length > 2 + rules.maxRebuilds, 10_000);
  expect(givenUp()).toBe(0);
});

test.each<[string, () => Promise<boolean>]>([
  ["no jobs wait", () => Promise.resolve(false)],
  ["Redis is away", () => Promise.reject(new Error("Redis is away"))],
])("an idle worker is left alone while %s", async (_name, hasWaitingJobs) => {
  const { workers, givenUp } = setUp(hasWaitingJobs);
  await pass(5 * rules.maxIdleMs);
  expect([workers.length, givenUp()]).toEqual([1, 0]);
});

test("nothing is started after it was closed, also when a look was under way", async () => {
  const looks: ((isWaiting: boolean) => void)[] = [];
  const { workers, watchdog } = setUp(() => new Promise((resolve) => looks.push(resolve)));
  await waitUntil("it looks", () => looks.length > 0);
  looks[0]?.(true);
  // By now it is sure: one more look, and it would replace the worker.
  await pass(2 * rules.maxIdleMs);
  await watchdog.close(0);
  for (const answer of looks) answer(true);
  await pass(rules.maxIdleMs);
  expect(workers).toHaveLength(1);
});
