import { faultKinds, runsAlone, type FaultKind, type FaultName, type PlannedFault } from "./fault-kinds.js";
import type { SeededRandom } from "../../support/random.js";

/** Names of the processes that each kind of fault may target. */
export type Targets = Record<"worker" | "gateway" | "direct-member" | "member", readonly string[]>;

const services = ["redis", "mongo", "vital"];
/** Average time between the starts of two faults; several are active at the same time. */
const meanGapMs = 1_000;
/**
 * Minimum time between two faults of the same target. Services that all processes depend on get more time, because
 * otherwise no work would be done.
 */
const recoveryMs = 500;
const serviceRecoveryMs: Readonly<Record<string, number>> = { redis: 2_000, mongo: 3_000, vital: 4_000 };
/** A fault that runs alone needs all processes started and connected. */
const reconnectMs = 5_000;
/** Start of the first fault that runs alone, as a share of the first minute, or of the whole run if it is shorter. */
const firstAloneShare = [0.1, 0.2] as const;
/** Time from the end of one fault that runs alone to the start of the next. */
const aloneGapMs = [22_000, 28_000] as const;
/** How long a fault that runs alone may have to wait for faults in progress. */
const maxDelayMs = 4_000;

const names = Object.keys(faultKinds) as FaultName[];
const togetherNames = names.filter((name) => !runsAlone(faultKinds[name]));
const aloneNames = names.filter((name) => runsAlone(faultKinds[name]));

function pickTarget({ targetType }: FaultKind, targets: Targets, random: SeededRandom): string {
  return targetType in targets ? random.pick(targets[targetType as keyof Targets]) : targetType;
}

/**
 * Draws names in random order; each is drawn once before any is repeated. Names that were not accepted earlier are
 * tried first.
 */
function createDeck(all: readonly FaultName[], random: SeededRandom) {
  let deck: FaultName[] = [];

  function takeFrom(cards: FaultName[], use: (name: FaultName) => boolean): boolean {
    const index = cards.findIndex(use);
    if (index >= 0) deck = cards.filter((_, at) => at !== index);
    return index >= 0;
  }

  return {
    /** Takes the first name that `use` accepts. Returns whether there was one. */
    take: (use: (name: FaultName) => boolean): boolean =>
      takeFrom(deck, use) ||
      takeFrom([...deck, ...random.shuffle(all.filter((name) => !deck.includes(name)))], use),
  };
}

/**
 * Plans the faults of a run: kind, target, start and duration. All faults end before the window does. Different targets
 * may have faults at the same time, but one target never has two. Faults on `everything` run alone, on a separate
 * schedule.
 */
export function planFaults({
  targets,
  windowMs,
  random: source,
}: {
  targets: Targets;
  windowMs: number;
  random: SeededRandom;
}): PlannedFault[] {
  const random = source.fork("faults");
  const allTargets = [...targets.member, ...services];
  const freeAtMs = new Map<string, number>(allTargets.map((target) => [target, 0]));
  const planned: PlannedFault[] = [];
  const together = createDeck(togetherNames, random);
  const alone = createDeck(aloneNames, random);
  let cursorMs = random.between(500, 1_500);
  let nextAloneMs = Math.min(windowMs, 60_000) * random.between(...firstAloneShare);

  /** Adds a fault if it ends before `limitMs` and starts no later than `latestMs`. Returns whether it was added. */
  function tryAdd(name: FaultName, limitMs: number, latestMs: number): boolean {
    const kind: FaultKind = faultKinds[name];
    const target = pickTarget(kind, targets, random);
    const affected = target === "everything" ? allTargets : [target];
    const freeMs = Math.max(...affected.map((one) => freeAtMs.get(one) ?? 0));
    const dueAtMs = Math.max(cursorMs, target === "everything" ? freeMs + reconnectMs : freeMs);
    const durationMs = Math.round(random.between(...kind.durationMs));
    const endMs = dueAtMs + durationMs;
    if (endMs > limitMs || dueAtMs > latestMs) return false;
    planned.push({ name, target, dueAtMs, durationMs, seed: random.integer(1, 2 ** 31) });
    for (const one of affected) freeAtMs.set(one, endMs + (serviceRecoveryMs[one] ?? recoveryMs));
    return true;
  }

  const endOfLast = () => Math.max(...planned.map(({ dueAtMs, durationMs }) => dueAtMs + durationMs));

  for (;;) {
    const limitMs = Math.min(windowMs, nextAloneMs + maxDelayMs);
    const isTimeForOthers = cursorMs < Math.min(nextAloneMs, windowMs);
    if (isTimeForOthers && together.take((name) => tryAdd(name, limitMs, nextAloneMs))) {
      cursorMs += -Math.log(1 - random.next()) * meanGapMs;
    } else if (nextAloneMs < windowMs && alone.take((name) => tryAdd(name, windowMs, windowMs))) {
      cursorMs = endOfLast() + recoveryMs;
      nextAloneMs = cursorMs + random.between(...aloneGapMs);
    } else if (nextAloneMs < windowMs) {
      // No room for another fault that runs alone: the other faults get the rest of the window.
      nextAloneMs = Infinity;
    } else {
      return planned.sort((one, other) => one.dueAtMs - other.dueAtMs);
    }
  }
}
