import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import { ServiceError } from "../../../src/core/errors.js";
import type { TransitionRules } from "../../../src/core/mapping/next-mapping.js";
import type { Mapping } from "../../../src/core/mapping/mapping.js";
import { VitalError } from "../../../src/core/vital/vital-error.js";
import type { SeededRandom } from "../random.js";
import { createFakeVital, type FakeUser, type Network } from "./fake-vital.js";
import { createMemoryStore, createMemoryTeamStore } from "./memory-store.js";
import { startCoreProcess, vitalTimeoutMs, type Store } from "./core-process.js";

/**
 * How a call ends: with a commit and a response, without a commit, with a commit and no response, or with a commit after
 * the caller's timeout.
 */
export type CallOutcome = "ok" | "fail" | "lost" | "late";

/** A waiting step. It runs when the clock reaches `deadlineMs` at the latest. */
type Step = { run: () => void; deadlineMs: number; owner: ProcessLife | "Vital" };

/** Vital commits a call at most this long after the caller's timeout, minus the time of a slow write. */
const lateCommitMarginMs = 15_000;

/** How long a write may take. The settling time of a deletion starts before the write of `deleting` commits. */
const slowWriteMs = 5_000;

class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

type ProcessLife = { isDead: boolean };

/**
 * A system in which nothing happens by itself: every request to the store or to Vital, and every response, waits until
 * the test runs its step. A process may die at any step (its later calls have no effect, but requests already sent
 * continue), calls may fail, and the clock moves only when the test advances it, never past the product's timeouts.
 */
export function createSteppedSystem({
  callOutcomes,
  rules,
  onDeleted,
  onWritten,
}: {
  callOutcomes: { vital: readonly CallOutcome[]; store: readonly CallOutcome[] };
  rules: TransitionRules;
  /** Called when the product deletes a Vital user. */
  onDeleted: (user: FakeUser) => void;
  /** Called when a mapping has been written. */
  onWritten: (mapping: Mapping) => void;
}) {
  let nowMs = Date.parse("2026-11-22T10:00:00Z");
  let isFaulty = true;
  const steps: Step[] = [];
  const outcomes = { vital: [...callOutcomes.vital], store: [...callOutcomes.store] };
  const store = createMemoryStore();
  const teams = createMemoryTeamStore(store.hasActive);
  const vital = createFakeVital({ onDeleted });

  const wait = (owner: ProcessLife, deadlineMs = Infinity) =>
    new Promise<void>((resolve) => steps.push({ run: resolve, deadlineMs, owner }));
  const nextOutcome = (kind: "vital" | "store"): CallOutcome =>
    (isFaulty ? outcomes[kind].shift() : undefined) ?? "ok";

  /** Waits until all code that needs no further step has run. */
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
      const callOutcome = nextOutcome("vital");
      const timeoutAtMs = nowMs + vitalTimeoutMs;
      await wait(life, timeoutAtMs);
      const outcome = callOutcome === "ok" || callOutcome === "lost" ? attempt(commit) : null;
      if (callOutcome === "late") {
        const latestMs = timeoutAtMs + lateCommitMarginMs - slowWriteMs;
        steps.push({ run: () => void attempt(commit), deadlineMs: latestMs, owner: "Vital" });
      }
      await wait(life, timeoutAtMs);
      assertAlive(life);
      if (callOutcome === "ok" && outcome !== null) return outcome();
      throw new VitalError("unavailable", "no response within 5000 ms");
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
    async function write(mapping: Mapping, commit: () => Promise<boolean>): Promise<boolean> {
      assertAlive(life);
      const callOutcome = nextOutcome("store");
      await wait(life, nowMs + slowWriteMs);
      const isWritten = callOutcome === "fail" ? false : await commit();
      if (isWritten) onWritten(mapping);
      await wait(life);
      assertAlive(life);
      if (callOutcome === "ok") return isWritten;
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
    mappings: store.mappings,
    mapping: (appUserId: AppUserId) => store.mappings.get(appUserId) ?? null,
    /** Runs one step, chosen at random. */
    async runAny(random: Pick<SeededRandom, "pick">): Promise<void> {
      if (steps.length > 0) await run(random.pick(steps));
    },

    /** Runs the oldest step of a process; returns false when it has none. */
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
        rules,
        now: () => new Date(nowMs),
      });
      return { ...process, life, kill: () => (life.isDead = true) };
    },

    advance: (durationMs: number) => advanceTo(nowMs + durationMs),

    /** From now on no call fails. */
    endFaults(): void {
      isFaulty = false;
    },

    /** Runs the steps of all processes, oldest first, until none is left. Late commits at Vital stay late. */
    async drain(): Promise<void> {
      const next = () => steps.find(({ owner }) => owner !== "Vital");
      await flush();
      for (let step = next(); step !== undefined; step = next()) await run(step);
    },

    /** Moves the clock to the time when the next mapping is due; returns false when none is. */
    async advanceToNextDue(): Promise<boolean> {
      const dueMs = [...store.mappings.values()].flatMap((mapping) =>
        "nextSweepAt" in mapping ? [mapping.nextSweepAt.getTime()] : [],
      );
      if (dueMs.length === 0) return false;
      await advanceTo(Math.min(...dueMs));
      return true;
    },
  };
}

/** Runs the call now, and returns a function that returns or throws its result. */
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
