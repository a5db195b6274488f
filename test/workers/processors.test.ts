import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createProcessors } from "../../workers/processors.js";
import { toJobRetry } from "../../workers/retry-decision.js";
import { NoFreeSlotError } from "../../workers/slot-share.js";
import { mappingFixture, toStamp } from "../support/core/mapping-fixtures.js";
import type { Mapping } from "../../src/core/mapping/mapping.js";

const ada = "auth0|ada" as AppUserId;

/** Creates processors whose jobs return these mappings, and a list of the jobs that they wake. */
function setUp(
  provisioned: () => Promise<Mapping | null>,
  deprovisioned = provisioned,
  { seen = mappingFixture("pending"), concurrency = 5 }: { seen?: Mapping; concurrency?: number } = {},
) {
  const woken: string[] = [];
  const processors = createProcessors({
    mappings: { find: () => Promise.resolve(seen) },
    now: () => new Date(),
    concurrency,
    provisioning: { provision: provisioned },
    deprovisioning: { deprovision: deprovisioned },
    queue: { wake: (job, appUserId) => void woken.push(`${job} ${appUserId}`) },
    maxRunMs: 30,
  });
  return { processors, woken };
}

test("a job that never ends frees its slot, and is retried without using an attempt", async () => {
  const { processors } = setUp(() => new Promise(() => undefined));
  for (const job of ["provision-user", "deprovision-user"] as const) {
    const error = await processors[job](ada).catch((reason: unknown) => reason);
    expect(toJobRetry(error)).toMatchObject({ type: "delay" });
  }
});

test("a deletion followed by a new signup wakes provisioning, and provisioning followed by a deletion wakes deprovisioning", async () => {
  const pending = mappingFixture("pending", { lastEvent: toStamp("user.created") });
  const { processors, woken } = setUp(
    () => Promise.resolve(mappingFixture("deleting")),
    () => Promise.resolve(pending),
  );
  await processors["deprovision-user"](ada);
  await processors["provision-user"](ada);
  expect(woken).toEqual([`provision-user ${ada}`, `deprovision-user ${ada}`]);
});

test("a job that is done, or whose mapping waits for its next sweep, wakes no other job", async () => {
  const { processors, woken } = setUp(
    () => Promise.resolve(mappingFixture("active")),
    () => Promise.resolve(mappingFixture("deleting")),
  );
  await processors["provision-user"](ada);
  await processors["deprovision-user"](ada);
  expect(woken).toEqual([]);
});

const never = () => new Promise<never>(() => undefined);
const isRefused = (error: unknown) => error instanceof NoFreeSlotError;

test("jobs that hang leave a fifth of the slots to new signups, and free their slots when they time out", async () => {
  const { processors } = setUp(() => Promise.resolve(mappingFixture("active")), never);
  const run = () => processors["deprovision-user"](ada).catch((error: unknown) => error);
  const outcomes = await Promise.all([run(), run(), run(), run(), run()]);
  expect(outcomes.map(isRefused)).toEqual([false, false, false, false, true]);
  expect(toJobRetry(outcomes[4])).toEqual({ type: "delay", delayMs: 250 });
  expect(isRefused(await run())).toBe(false);
});

test.each([
  ["first attempts on a signup use any slot", 0, 0],
  ["repeated attempts on a signup leave slots free", 1, 1],
])("%s", async (_name, attempts, refused) => {
  const { processors } = setUp(never, never, { seen: mappingFixture("pending", { attempts }) });
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => processors["provision-user"](ada).catch((error: unknown) => error)),
  );
  expect(outcomes.filter(isRefused)).toHaveLength(refused);
});

test("a worker with one slot runs every job", async () => {
  const { processors } = setUp(
    () => Promise.resolve(mappingFixture("active")),
    () => Promise.resolve(mappingFixture("deleted")),
    { concurrency: 1 },
  );
  await processors["deprovision-user"](ada);
  await processors["provision-user"](ada);
});
