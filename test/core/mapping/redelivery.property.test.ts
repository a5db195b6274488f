import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import type { ReceivedEvent, SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { createMappingWriter } from "../../../src/core/mapping/mapping-writer.js";
import { createSignupEvents } from "../../../src/core/mapping/signup-events.js";
import { rules } from "../../support/core/core-process.js";
import { toReceivedEvent } from "../../support/core/mapping-fixtures.js";
import { createMemoryStore } from "../../support/core/memory-store.js";

const ada = "auth0|ada" as AppUserId;
const startMs = Date.parse("2026-11-22T10:00:00.000Z");
const hourMs = 3_600_000;

/** What a sender reports: an id, its own time, both, or nothing (then the content of the message differs). */
type Report = "id" | "time" | "id and time" | "content";
type History = { type: SignupEventType; report: Report; clockMs: number }[];

const timedReports = fc.constantFrom<Report>("time", "id and time");
const anyReport = fc.constantFrom<Report>("id", "time", "id and time", "content");
const toHistory = (report: fc.Arbitrary<Report>) =>
  fc
    .tuple(
      fc.array(
        fc.record({ type: fc.constantFrom<SignupEventType>("user.created", "user.deleted"), report }),
        {
          minLength: 1,
          maxLength: 8,
        },
      ),
      // A wrong clock is wrong by the same time for all events of its sender.
      fc.constantFrom(-2 * hourMs, 0, 2 * hourMs),
    )
    .map(([events, clockMs]): History => events.map((event) => ({ ...event, clockMs })));

/** The event as it is read in a delivery at `arrivedAt`. An event happened a minute after the one before it. */
function deliver({ type, report, clockMs }: History[number], index: number, arrivedAt: Date): ReceivedEvent {
  const at = report.includes("time") ? new Date(startMs + index * 60_000 + clockMs) : null;
  const id = report.includes("id") ? `e${index}` : report === "content" ? `content ${index}` : null;
  return toReceivedEvent(ada, type, { at, id, arrivedAt });
}

function startWriter() {
  const store = createMemoryStore();
  let nowMs = startMs;
  const now = () => new Date(nowMs);
  const writer = createMappingWriter({ mappings: store, rules, now });
  const events = createSignupEvents({ writer, wake: () => undefined, now });
  return {
    async record(history: History, index: number, afterMs: number): Promise<void> {
      nowMs += afterMs;
      const event = history[index];
      if (event !== undefined) await events.record([deliver(event, index, now())]);
    },
    find: () => store.mappings.get(ada),
  };
}

const isWanted = (mapping: Mapping | undefined) => mapping?.lastEvent?.type;
const delays = fc.constantFrom(0, 1, 1_000, 60_000, hourMs, 3 * hourMs, 24 * hourMs);
const deliveries = fc.array(fc.record({ index: fc.nat(7), afterMs: delays }), { maxLength: 30 });

test("events with their own times end in the state of the newest one, in every order and with every repetition", async () => {
  await fc.assert(
    fc.asyncProperty(toHistory(timedReports), deliveries, async (history, random) => {
      const app = startWriter();
      for (const { index, afterMs } of random) await app.record(history, index % history.length, afterMs);
      // Everything arrives at least once.
      for (const index of history.keys()) await app.record(history, index, 0);
      expect(isWanted(app.find())).toBe(history.at(-1)?.type);
    }),
    { numRuns: 500 },
  );
});

test("when every event has arrived, no later delivery of any of them changes anything", async () => {
  await fc.assert(
    fc.asyncProperty(toHistory(anyReport), deliveries, deliveries, async (history, first, again) => {
      const app = startWriter();
      for (const { index, afterMs } of first) await app.record(history, index % history.length, afterMs);
      for (const index of history.keys()) await app.record(history, index, 0);
      const settled = app.find();
      for (const { index, afterMs } of again) await app.record(history, index % history.length, afterMs);
      expect(app.find()).toEqual(settled);
    }),
    { numRuns: 500 },
  );
});

test("events without times end in the state of the last one that arrived for the first time", async () => {
  const untimed = fc.constantFrom<Report>("id", "content");
  await fc.assert(
    fc.asyncProperty(toHistory(untimed), deliveries, async (history, again) => {
      const app = startWriter();
      for (const index of history.keys()) await app.record(history, index, 1_000);
      for (const { index, afterMs } of again) await app.record(history, index % history.length, afterMs);
      expect(isWanted(app.find())).toBe(history.at(-1)?.type);
    }),
    { numRuns: 300 },
  );
});
