import { describe, expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createRecordingLog } from "../support/recording-log.js";
import { waitUntil } from "../support/wait-until.js";
import { poisons, startPoisonProxy, type Poison } from "../support/vital/poison-proxy.js";
import { openFleet, toIds } from "../support/workers/fleet.js";

const poisonedCount = 30;
const signupCount = 60;

/** A gateway and a worker, and a Vital before which a proxy can fail every call about the users `poisoned-…`. */
async function openPoisonedFleet(poison: Poison) {
  let proxy: Awaited<ReturnType<typeof startPoisonProxy>> | undefined;
  const { log, lines } = createRecordingLog();
  const fleet = await openFleet({
    log,
    concurrency: 50,
    startProxy: async (vitalUrl) => {
      proxy = await startPoisonProxy(vitalUrl, "poisoned-");
      proxy.control.poison = poison;
      return proxy.url;
    },
  });
  if (proxy === undefined) throw new Error("the proxy should have started");
  const [gateway, worker] = [await fleet.start("gateway"), await fleet.start("worker")];
  return { ...fleet, gateway, worker, control: proxy.control, lines };
}
type PoisonedFleet = Awaited<ReturnType<typeof openPoisonedFleet>>;

/** Signs users up one by one, 20 ms apart. Returns how long each waited until it was active, sorted, milliseconds. */
async function measureSignups({ gateway }: PoisonedFleet, prefix: string): Promise<number[]> {
  const signUp = async (appUserId: AppUserId, index: number): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, index * 20));
    await gateway.signUp([appUserId]);
    const startedAt = performance.now();
    const isActive = async () => (await gateway.mappings.find(appUserId))?.state === "active";
    await waitUntil("the signup is active", isActive, 30_000);
    return performance.now() - startedAt;
  };
  const durations = await Promise.all(toIds(prefix, signupCount).map(signUp));
  return durations.sort((a, b) => a - b);
}

/**
 * The slowest signup may be slow for another reason, and on a busy machine the measurements vary. A breaker that opens
 * again and again, or job slots that are occupied, cost the signups several seconds.
 */
function expectNoDelay(beside: readonly number[], alone: readonly number[]): void {
  expect(beside.at(-2)).toBeLessThan((alone.at(-2) ?? 0) * 3 + 1_500);
}

describe.each(Object.keys(poisons) as Poison[])(
  "when every call about thirty users ends with %s",
  (poison) => {
    test("their deletions and signups delay no other signup", async () => {
      const fleet = await openPoisonedFleet(poison);
      const { gateway, worker, control, lines } = fleet;
      const deleted = toIds("poisoned-d", poisonedCount);
      await gateway.signUp([...deleted, ...toIds("early", 5)]);
      await fleet.whenActive(gateway, deleted);
      const alone = await measureSignups(fleet, "alone");

      control.isActive = true;
      await gateway.delete(deleted);
      await gateway.signUp(toIds("poisoned-s", 5));
      const beside = await measureSignups(fleet, "beside");
      expectNoDelay(beside, alone);
      await waitUntil("each deletion has failed", async () => {
        const mappings = await Promise.all(deleted.map(worker.mappings.find));
        return mappings.every((mapping) => mapping?.state === "deleting" && mapping.lastError !== null);
      });
      expect(await worker.readMetric("oldest_deleting_seconds")).toBeGreaterThan(1);
      const warnings = lines.filter(({ phrase }) => phrase === "a deletion failed; it is repeated");
      // One for each kind of failure. On a busy machine, some calls also end with a timeout.
      expect(warnings.length).toBeGreaterThanOrEqual(1);
      expect(warnings.length).toBeLessThanOrEqual(3);
      for (const { fields } of warnings) expect(fields.reason).toMatch(/^(delete-user|resolve-user): ./);
      expect(JSON.stringify(lines)).not.toContain("poisoned-");
    }, 60_000);
  },
);

test("hundreds of deletions without a response do not hold the job slots that signups need", async () => {
  const fleet = await openPoisonedFleet("no response");
  const { gateway, control } = fleet;
  const deleted = toIds("poisoned-d", 200);
  await gateway.signUp(deleted);
  await fleet.whenActive(gateway, deleted, 60_000);
  const alone = await measureSignups(fleet, "alone");
  control.isActive = true;
  await gateway.delete(deleted);
  const beside = await measureSignups(fleet, "beside");
  // A worker has 50 slots, and each call holds one for two seconds.
  expectNoDelay(beside, alone);
}, 90_000);

/** All calls fail for ten seconds while users sign up. */
async function expectFewCalls(poison: Poison): Promise<void> {
  const fleet = await openPoisonedFleet(poison);
  const { gateway, control } = fleet;
  const early = toIds("early", 5);
  await gateway.signUp(early);
  await fleet.whenActive(gateway, early);

  control.isDown = true;
  const users = toIds("user", signupCount);
  await gateway.signUp(users);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const before = control.received;
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  // Two processes, each with at most one probe and one question a second.
  expect(control.received - before, poison).toBeLessThanOrEqual(16);
  control.isDown = false;
  await fleet.whenActive(gateway, users, 45_000);
}

test("whatever every call ends with, Vital gets few calls, and all signups are active soon after", async () => {
  await Promise.all((["status 500", "no response", "no such path"] as const).map(expectFewCalls));
}, 90_000);
