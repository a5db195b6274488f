import { onTestFinished, expect, test } from "vitest";
import { startWatchdog } from "../../workers/watchdog.js";
import { waitUntil } from "../support/wait-until.js";

const rules = { checkEveryMs: 10, maxIdleMs: 40, maxRebuilds: 2 };

/** Starts a watchdog with fake workers, which start no job unless `startsJobs` is set. */
function setUp(hasWaitingJobs: () => Promise<boolean> = () => Promise.resolve(true)) {
  const workers: { lastAt: number; hasStartedJob: boolean; isClosed: boolean }[] = [];
  let shutDowns = 0;
  const context = { workers, countShutDowns: () => shutDowns, startsJobs: false };
  const watchdog = startWatchdog({
    rules,
    hasWaitingJobs,
    shutDown: () => (shutDowns += 1),
    onRebuild: () => undefined,
    start() {
      const worker = { lastAt: Date.now(), hasStartedJob: context.startsJobs, isClosed: false };
      workers.push(worker);
      return {
        idleMs: () => Date.now() - worker.lastAt,
        hasStartedJob: () => worker.hasStartedJob,
        close() {
          worker.isClosed = true;
          return Promise.resolve();
        },
      };
    },
  });
  onTestFinished(() => watchdog.close(0));
  return { ...context, watchdog, context };
}

const sleep = (durationMs: number) => new Promise<void>((resolve) => setTimeout(resolve, durationMs));

test("a worker that starts no job while jobs are waiting is closed and restarted, and the process shuts down if that does not help", async () => {
  const { workers, countShutDowns } = setUp();
  await waitUntil("it shuts down", () => countShutDowns() > 0);
  expect(workers).toHaveLength(1 + rules.maxRebuilds);
  expect(workers.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
});

test("a worker that starts jobs after each restart never makes the process shut down", async () => {
  const { workers, countShutDowns, context } = setUp();
  context.startsJobs = true;
  await waitUntil("it has been restarted often", () => workers.length > 2 + rules.maxRebuilds, 10_000);
  expect(countShutDowns()).toBe(0);
});

test.each<[string, () => Promise<boolean>]>([
  ["no jobs are waiting", () => Promise.resolve(false)],
  ["Redis is down", () => Promise.reject(new Error("Redis is down"))],
])("an idle worker is left alone while %s", async (_name, hasWaitingJobs) => {
  const { workers, countShutDowns } = setUp(hasWaitingJobs);
  await sleep(5 * rules.maxIdleMs);
  expect([workers.length, countShutDowns()]).toEqual([1, 0]);
});

test("no worker is started after closing, even if a check was in progress", async () => {
  const checks: ((isWaiting: boolean) => void)[] = [];
  const { workers, watchdog } = setUp(() => new Promise((resolve) => checks.push(resolve)));
  await waitUntil("it checks for waiting jobs", () => checks.length > 0);
  checks[0]?.(true);
  // The worker has now been idle for long enough: the next check would restart it.
  await sleep(2 * rules.maxIdleMs);
  await watchdog.close(0);
  for (const reply of checks) reply(true);
  await sleep(rules.maxIdleMs);
  expect(workers).toHaveLength(1);
});
