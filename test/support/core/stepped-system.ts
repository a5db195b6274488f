import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { ServiceError } from "../../../src/core/errors.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import { VitalError } from "../../../src/core/vital/vital-error.js";
import { createFakeVital, type FakeUser, type Network } from "./fake-vital.js";
import { createMemoryStore, createMemoryTeamStore } from "./memory-store.js";
import { lateCommitMarginMs, startCoreProcess, vitalTimeoutMs, type Store } from "./core-process.js";

/** What becomes of a call: done and answered, not done, done and not answered, done after it was given up. */
export type CallOutcome = "ok" | "fail" | "lost" | "late";

/** Something that waits for its turn. It is run by `deadlineMs` of the world's clock at the latest, where it has one. */
type Step = { run: () => void; deadlineMs: number; owner: ProcessLife | "Vital" };

/** How long a write may take to land; it eats into the margin that a deletion leaves for late commits. */
const slowWriteMs = 5_000;

class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

type ProcessLife = { isDead: boolean };

/**
 * A world in which nothing happens by itself: every request to the store or to Vital, and every answer, waits until it
 * is told to go on. A process may die at any of these points (its later calls have no effect, what it sent travels on),
 * calls may fail, and the clock moves when it is told to, but not past what the time-outs of the product promise.
 */
export function createSteppedSystem({
  fates,
  onDeleted,
  onWritten,
}: {
  fates: { vital: readonly CallOutcome[]; store: readonly CallOutcome[] };
  /** Called when a living Vital user is deleted by us. */
  onDeleted: (user: FakeUser) => void;
  /** Called when a row has been written. */
  onWritten: (row: Mapping) => void;
}) {
  let nowMs = Date.parse("2026-11-22T10:00:00Z");
  let isFaulty = true;
  const steps: Step[] = [];
  const coming = { vital: [...fates.vital], store: [...fates.store] };
  const store = createMemoryStore();
  const teams = createMemoryTeamStore(store.hasActive);
  const vital = createFakeVital({ onDeleted });

  const wait = (owner: ProcessLife, deadlineMs = Infinity) =>
    new Promise<void>((resolve) => steps.push({ run: resolve, deadlineMs, owner }));
  const takeFate = (kind: "vital" | "store"): CallOutcome =>
    (isFaulty ? coming[kind].shift() : undefined) ?? "ok";

  /** One turn of everything that can go on without being told. */
  const flush = () => new Promise<void>((resolve) => setImmediate(resolve));

  async function run(step: Step): Promise<void> {
    steps.splice(steps.indexOf(step), 1);
    step.run();
    await flush();
  }

  async function advanceTo(targetMs: number): Promise<void> {
    for (;;) {
      const [next] = steps
        .filter((step) => step.deadlineMs <= targetMs)
        .sort((a, b) => a.deadlineMs - b.deadlineMs);
      if (next === undefined) break;
      nowMs = Math.max(nowMs, next.deadlineMs);
      await run(next);
    }
    nowMs = Math.max(nowMs, targetMs);
  }

  function assertAlive({ isDead }: ProcessLife): void {
    if (isDead) throw new ProcessDied();
  }

  function connectToVital(life: ProcessLife): Network {
    return async (_operation, commit) => {
      assertAlive(life);
      const fate = takeFate("vital");
      const timeoutAtMs = nowMs + vitalTimeoutMs;
      await wait(life, timeoutAtMs);
      const outcome = fate === "ok" || fate === "lost" ? attempt(commit) : null;
      if (fate === "late") {
        const latestMs = timeoutAtMs + lateCommitMarginMs - slowWriteMs;
        steps.push({ run: () => void attempt(commit), deadlineMs: latestMs, owner: "Vital" });
      }
      await wait(life, timeoutAtMs);
      assertAlive(life);
      if (fate === "ok" && outcome !== null) return outcome();
      throw new VitalError("unavailable", "no answer within 5000 ms");
    };
  }

  function connectToStore(life: ProcessLife): Store {
    async function read<T>(query: () => Promise<T>): Promise<T> {
      assertAlive(life);
      await wait(life);
      const result = await query();
      await wait(life);
      assertAlive(life);
      return result;
    }
    async function write(row: Mapping, commit: () => Promise<boolean>): Promise<boolean> {
      assertAlive(life);
      const fate = takeFate("store");
      await wait(life, nowMs + slowWriteMs);
      const isWritten = fate === "fail" ? false : await commit();
      if (isWritten) onWritten(row);
      await wait(life);
      assertAlive(life);
      if (fate === "ok") return isWritten;
      throw new ServiceError("SERVICE_UNAVAILABLE");
    }
    return {
      find: (appUserId) => read(() => store.find(appUserId)),
      listDue: (at, limit) => read(() => store.listDue(at, limit)),
      insert: (mapping) => write(mapping, () => store.insert(mapping)),
      replace: (seen, next) => write(next, () => store.replace(seen, next)),
    };
  }

  return {
    vital,
    rows: store.mappings,
    row: (appUserId: AppUserId) => store.mappings.get(appUserId) ?? null,
    /** Lets any one thing go on. */
    async runAny(choice: number): Promise<void> {
      const step = steps[choice % Math.max(1, steps.length)];
      if (step !== undefined) await run(step);
    },

    /** Lets a process go on by one step, the oldest; false when it has nothing to do. */
    async runOldestOf({ life }: { life: ProcessLife }): Promise<boolean> {
      const step = steps.find(({ owner }) => owner === life);
      if (step !== undefined) await run(step);
      return step !== undefined;
    },

    start() {
      const life: ProcessLife = { isDead: false };
      const api = vital.connect(connectToVital(life));
      const process = startCoreProcess({
        store: connectToStore(life),
        teams,
        vital: api,
        now: () => new Date(nowMs),
      });
      return { ...process, life, kill: () => (life.isDead = true) };
    },

    advance: (durationMs: number) => advanceTo(nowMs + durationMs),

    /** From now on calls are answered. */
    endFaults(): void {
      isFaulty = false;
    },

    /** Lets every process go on, oldest step first, until none waits any more. What is late at Vital stays late. */
    async drain(): Promise<void> {
      const next = () => steps.find(({ owner }) => owner !== "Vital");
      await flush();
      for (let step = next(); step !== undefined; step = next()) await run(step);
    },

    /** Moves the clock to when the next row is due; false when none is. */
    async advanceToNextDue(): Promise<boolean> {
      const dueMs = [...store.mappings.values()].flatMap((row) =>
        "nextSweepAt" in row ? [row.nextSweepAt.getTime()] : [],
      );
      if (dueMs.length === 0) return false;
      await advanceTo(Math.min(...dueMs));
      return true;
    },
  };
}

export type CooperativeWorld = ReturnType<typeof createSteppedSystem>;

/** What the call gave or threw, to be had later. */
function attempt<T>(commit: () => T): () => T {
  try {
    const result = commit();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
