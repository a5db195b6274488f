import { expect, test } from "vitest";
import type { Backlog, QueueBacklog } from "../../src/telemetry/backlog.js";
import { createMetrics } from "../../src/telemetry/metrics.js";
import type { ScrapeSources } from "../../src/telemetry/scrape-gauges.js";
import { createManualClock } from "../support/manual-clock.js";

const noMappings = { pending: 0, active: 0, failed: 0, deleting: 0, deleted: 0 };
const down = () => Promise.reject(new Error("down"));
const hanging = () => new Promise<never>(() => undefined);

/** Creates metrics with this backlog and ten job slots per worker: a worker clears 6000 mappings in a minute. */
function setUp(given: Partial<Backlog & QueueBacklog> = {}) {
  const clock = createManualClock();
  const calls = { backlog: 0, vital: 0 };
  const sources: ScrapeSources = {
    readBacklog() {
      calls.backlog += 1;
      return Promise.resolve({
        mappings: noMappings,
        oldestPendingSeconds: 0,
        oldestDeletingSeconds: 0,
        ...given,
      });
    },
    readQueues: () =>
      Promise.resolve({ queueJobs: { provisioning: { waiting: 3 } }, isPaused: given.isPaused ?? false }),
    pingMongo: () => Promise.resolve(),
    pingRedis: () => Promise.resolve(),
    askVital() {
      calls.vital += 1;
      return Promise.resolve();
    },
  };
  const metrics = createMetrics({
    sources: {
      readBacklog: () => sources.readBacklog(),
      readQueues: () => sources.readQueues(),
      pingMongo: () => sources.pingMongo(),
      pingRedis: () => sources.pingRedis(),
      askVital: () => sources.askVital(),
    },
    workerConcurrency: 10,
    now: clock.now,
    backlogMaxAgeMs: 5_000,
  });
  /** Returns the value of a metric, with its labels in the name; NaN when it is absent. */
  const read = async (name: string) => {
    const { body } = await metrics.read();
    const line = body.split("\n").find((text) => text.startsWith(`vital_gateway_${name} `));
    return Number(line?.split(" ").at(-1));
  };
  const readPresent = async (names: readonly string[]) => {
    const { body } = await metrics.read();
    return names.filter((name) => body.includes(`\nvital_gateway_${name} `));
  };
  return { clock, metrics, sources, read, readPresent, calls };
}

test.each<[string, Partial<Backlog & QueueBacklog>, number]>([
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
  const { clock, read, calls } = setUp({ oldestPendingSeconds: 7, oldestDeletingSeconds: 90 });
  expect(await read("oldest_deleting_seconds")).toBe(90);
  expect(await read("oldest_pending_seconds")).toBe(7);
  clock.advance(4_999);
  await read("oldest_pending_seconds");
  expect(calls.backlog).toBe(1);
  clock.advance(1);
  await read("oldest_pending_seconds");
  expect(calls.backlog).toBe(2);
});

const ofMongo = [
  'mappings{state="active"}',
  "oldest_pending_seconds",
  "oldest_deleting_seconds",
  "backlog_workers_wanted",
];
const ofRedis = ['queue_jobs{queue="provisioning",state="waiting"}'];

test.each<[string, Partial<ScrapeSources>, { absent: string[]; present: string[]; zero: string }]>([
  [
    "MongoDB is down",
    { pingMongo: down, readBacklog: down },
    { absent: ofMongo, present: ofRedis, zero: "mongodb_up" },
  ],
  [
    "MongoDB hangs",
    { pingMongo: hanging, readBacklog: hanging },
    { absent: ofMongo, present: ofRedis, zero: "mongodb_up" },
  ],
  [
    "Redis is down",
    { pingRedis: down, readQueues: down },
    { absent: ofRedis, present: ofMongo, zero: "redis_up" },
  ],
  [
    "Redis hangs",
    { pingRedis: hanging, readQueues: hanging },
    { absent: ofRedis, present: ofMongo, zero: "redis_up" },
  ],
  ["Vital is down", { askVital: down }, { absent: [], present: [...ofRedis, ...ofMongo], zero: "vital_up" }],
  ["Vital hangs", { askVital: hanging }, { absent: [], present: [...ofRedis, ...ofMongo], zero: "vital_up" }],
])(
  "while %s, what cannot be read is absent within 2 seconds, and present again afterwards",
  async (_name, outage, { absent, present, zero }) => {
    const { read, readPresent, sources, clock } = setUp();
    const working = { ...sources };
    const all = [...absent, ...present];
    expect(await readPresent(all)).toEqual(all);
    expect(await read(zero)).toBe(1);

    Object.assign(sources, outage);
    clock.advance(1_000);
    const startedAtMs = performance.now();
    expect(await readPresent(all)).toEqual(present);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    clock.advance(60_000);
    expect(await readPresent(all)).toEqual(present);
    expect(await read(zero)).toBe(0);

    Object.assign(sources, working);
    expect(await read(zero)).toBe(1);
  },
);

test("a value that takes longer to read than a scrape waits is used by the next scrapes, for at most 30 seconds", async () => {
  const { read, sources, clock } = setUp();
  let end: () => void = () => undefined;
  sources.readBacklog = () =>
    new Promise((resolve) => {
      end = () => {
        resolve({ mappings: noMappings, oldestPendingSeconds: 7, oldestDeletingSeconds: 0 });
      };
    });
  expect(await read("oldest_pending_seconds")).toBeNaN();
  end();
  expect(await read("oldest_pending_seconds")).toBe(7);
  clock.advance(29_000);
  expect(await read("oldest_pending_seconds")).toBe(7);
  clock.advance(1_000);
  expect(await read("oldest_pending_seconds")).toBeNaN();
});

test("a scrape asks Vital only when no call got a response in the last 5 seconds", async () => {
  const { read, metrics, sources, calls, clock } = setUp();
  expect(await read("vital_up")).toBe(1);
  expect(calls.vital).toBe(1);
  metrics.vitalCalled("create-user", 200, 10);
  expect(await read("vital_up")).toBe(1);
  metrics.vitalCalled("create-user", 500, 10);
  metrics.vitalCalled("create-user", 0, 10);
  clock.advance(4_999);
  expect(await read("vital_up")).toBe(1);
  expect(calls.vital).toBe(1);
  clock.advance(1);
  sources.askVital = down;
  expect(await read("vital_up")).toBe(0);
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
