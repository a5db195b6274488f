import { expect, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createProcessors } from "../../workers/processors.js";
import { toJobRetry } from "../../workers/retry-decision.js";
import { makeRow, toEvent } from "../support/core/mapping-fixtures.js";
import type { Mapping } from "../../src/core/mapping/mapping.js";

const ada = "auth0|ada" as AppUserId;

/** The processors over work that ends with these rows, and what they wake. */
function setUp(provisioned: () => Promise<Mapping | null>, deprovisioned = provisioned) {
  const woken: string[] = [];
  const work = createProcessors({
    provisioning: { provision: provisioned },
    deprovisioning: { deprovision: deprovisioned },
    queue: { wake: (job, appUserId) => void woken.push(`${job} ${appUserId}`) },
    maxRunMs: 30,
  });
  return { work, woken };
}

test("work that never ends gives its place back, and its job comes again without the loss of an attempt", async () => {
  const { work } = setUp(() => new Promise(() => undefined));
  for (const job of ["provision-user", "deprovision-user"] as const) {
    const error = await work[job](ada).catch((reason: unknown) => reason);
    expect(toJobRetry(error)).toMatchObject({ type: "delay" });
  }
});

test("a deletion that ends in a new signup hands over to provisioning, and the other way round", async () => {
  const pending = makeRow("pending", { lastEvent: toEvent("user.created") });
  const { work, woken } = setUp(
    () => Promise.resolve(makeRow("deleting")),
    () => Promise.resolve(pending),
  );
  await work["deprovision-user"](ada);
  await work["provision-user"](ada);
  expect(woken).toEqual([`provision-user ${ada}`, `deprovision-user ${ada}`]);
});

test("work that has reached its end, or waits for its own time, wakes nobody", async () => {
  const { work, woken } = setUp(
    () => Promise.resolve(makeRow("active")),
    () => Promise.resolve(makeRow("deleting")),
  );
  await work["provision-user"](ada);
  await work["deprovision-user"](ada);
  expect(woken).toEqual([]);
});
