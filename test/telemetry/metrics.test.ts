import { expect, test } from "vitest";
import type { Backlog } from "../../src/telemetry/backlog.js";
import { createMetrics } from "../../src/telemetry/metrics.js";
import { createManualClock } from "../support/manual-clock.js";

const noMappings = { pending: 0, active: 0, failed: 0, deleting: 0, deleted: 0 };

/** Creates metrics with this backlog and ten job slots per worker: a worker clears 6000 mappings in a minute. */
function setUp(backlog: Partial<Backlog> | Error) {
  const clock = createManualClock();
  let reads = 0;
  const metrics = createMetrics({
    readBacklog() {
      reads += 1;
      if (backlog instanceof Error) return Promise.reject(backlog);
      return Promise.resolve({
        mappings: noMappings,
        oldestPendingSeconds: 0,
        queueJobs: null,
        isPaused: false,
        ...backlog,
      });
    },
    workerConcurrency: 10,
    now: clock.now,
    backlogMaxAgeMs: 5_000,
  });
  const read = async (name: string) =>
    Number(new RegExp(`^vital_gateway_${name} (.*)$`, "m").exec((await metrics.read()).body)?.[1]);
  return { clock, metrics, read, countReads: () => reads };
}

test.each<[string, Partial<Backlog>, number]>([
  ["nothing is waiting", {}, 1],
  ["a few mappings are waiting", { mappings: { ...noMappings, pending: 10 } }, 1],
  [
    "pending and deleting mappings are waiting",
    { mappings: { ...noMappings, pending: 6_000, deleting: 1 } },
    2,
  ],
  ["the queue is paused", { mappings: { ...noMappings, pending: 60_000 }, isPaused: true }, 1],
])("reports the number of workers wanted when %s", async (_name, backlog, expected) => {
  const { read } = setUp(backlog);
  expect(await read("backlog_workers_wanted")).toBe(expected);
});

test("the backlog is read again only when it is older than its maximum age", async () => {
  const { clock, read, countReads } = setUp({ oldestPendingSeconds: 7 });
  expect(await read("oldest_pending_seconds")).toBe(7);
  clock.advance(4_999);
  await read("oldest_pending_seconds");
  expect(countReads()).toBe(1);
  clock.advance(1);
  await read("oldest_pending_seconds");
  expect(countReads()).toBe(2);
});

test("a scrape succeeds when the backlog cannot be read", async () => {
  const { read } = setUp(new Error("MongoDB is down"));
  expect(await read("wrong_team")).toBe(0);
});

test("the buckets of the provisioning histogram are distinct, ascending and cumulative", async () => {
  const { metrics } = setUp({});
  for (const durationMs of [4_000, 8_000, 8_000]) metrics.provisioned("active", durationMs);
  const { body } = await metrics.read();
  const buckets = [...body.matchAll(/provisioning_duration_seconds_bucket\{le="([^"]+)"\} (\d+)/g)].map(
    ([, bound, count]) => ({ bound: Number(bound?.replace("+Inf", "Infinity")), count: Number(count) }),
  );
  const bounds = buckets.map(({ bound }) => bound);
  expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
  expect(buckets.filter(({ bound }) => bound >= 10).map(({ count }) => count)).toEqual(Array(7).fill(3));
});
