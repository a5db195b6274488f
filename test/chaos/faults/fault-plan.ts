import { faultKinds, type FaultKind, type FaultName, type PlannedFault } from "./fault-kinds.js";
import type { SeededRandom } from "../../support/random.js";

/** Processes by what faults can do to them. */
export type Targets = Record<"worker" | "gateway" | "direct-member" | "member", readonly string[]>;

const services = ["redis", "mongo", "vital"];
/** Between the beginnings of two faults, on average: several are on at once. */
const meanGapMs = 1_000;
/** What was hurt gets a moment before it is hurt again; what all depend on a longer one, or no work would be done. */
const recoveryMs = 500;
const serviceRecoveryMs: Readonly<Record<string, number>> = { redis: 2_000, mongo: 3_000, vital: 4_000 };
/** A measurement of all wants everybody back: started, and connected. */
const calmMs = 5_000;
/** When the first fault comes that has the run for itself, as a share of the first minute of it: early in a short run. */
const firstAloneShare = [0.1, 0.2] as const;
/** And how long after one the next. */
const aloneEveryMs = [22_000, 28_000] as const;
/** How much later it may come because others are not over. */
const maxLullMs = 4_000;

const names = Object.keys(faultKinds) as FaultName[];
const isAlone = (name: FaultName) => (faultKinds[name] as FaultKind).targetType === "everything";
const togetherNames = names.filter((name) => !isAlone(name));
const aloneNames = names.filter(isAlone);

function pickTarget({ targetType: on }: FaultKind, targets: Targets, random: SeededRandom): string {
  return on in targets ? random.pick(targets[on as keyof Targets]) : on;
}

/** Names in an order by chance, all of them before one comes again; what could not be used yet is tried first. */
function createDeck(all: readonly FaultName[], random: SeededRandom) {
  let deck: FaultName[] = [];

  function takeFrom(cards: FaultName[], use: (name: FaultName) => boolean): boolean {
    const index = cards.findIndex(use);
    if (index >= 0) deck = cards.filter((_, at) => at !== index);
    return index >= 0;
  }

  return {
    /** Takes the first that is usable; gives whether there was any. */
    take: (use: (name: FaultName) => boolean): boolean =>
      takeFrom(deck, use) ||
      takeFrom([...deck, ...random.shuffle(all.filter((name) => !deck.includes(name)))], use),
  };
}

/**
 * Plans the faults of a run: what, on whom, when and how long, all over before the window ends. Different things are
 * hurt at the same time, the same thing never twice at once. At times of its own comes what has the run for itself.
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
  const everybody = [...targets.member, ...services];
  const freeAtMs = new Map<string, number>(everybody.map((target) => [target, 0]));
  const planned: PlannedFault[] = [];
  const together = createDeck(togetherNames, random);
  const alone = createDeck(aloneNames, random);
  let cursorMs = random.between(500, 1_500);
  let nextAloneMs = Math.min(windowMs, 60_000) * random.between(...firstAloneShare);

  /** Gives whether it fits: over before `limitMs`, and not begun after `latestMs`. */
  function place(name: FaultName, limitMs: number, latestMs: number): boolean {
    const kind: FaultKind = faultKinds[name];
    const target = pickTarget(kind, targets, random);
    const hurt = target === "everything" ? everybody : [target];
    const freeMs = Math.max(...hurt.map((one) => freeAtMs.get(one) ?? 0));
    const dueAtMs = Math.max(cursorMs, target === "everything" ? freeMs + calmMs : freeMs);
    const durationMs = Math.round(random.between(...kind.durationMs));
    const endMs = dueAtMs + durationMs;
    if (endMs > limitMs || dueAtMs > latestMs) return false;
    planned.push({ name, target, dueAtMs, durationMs, seed: random.integer(1, 2 ** 31) });
    for (const one of hurt) freeAtMs.set(one, endMs + (serviceRecoveryMs[one] ?? recoveryMs));
    return true;
  }

  const endOfLast = () => Math.max(...planned.map(({ dueAtMs, durationMs }) => dueAtMs + durationMs));

  for (;;) {
    const limitMs = Math.min(windowMs, nextAloneMs + maxLullMs);
    const isTimeForOthers = cursorMs < Math.min(nextAloneMs, windowMs);
    if (isTimeForOthers && together.take((name) => place(name, limitMs, nextAloneMs))) {
      cursorMs += -Math.log(1 - random.next()) * meanGapMs;
    } else if (nextAloneMs < windowMs && alone.take((name) => place(name, windowMs, windowMs))) {
      cursorMs = endOfLast() + recoveryMs;
      nextAloneMs = cursorMs + random.between(...aloneEveryMs);
    } else if (nextAloneMs < windowMs) {
      // No room for another measurement: the others have the rest.
      nextAloneMs = Infinity;
    } else {
      return planned.sort((one, other) => one.dueAtMs - other.dueAtMs);
    }
  }
}
