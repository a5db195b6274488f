import { faultKinds, type FaultKind, type FaultName, type PlannedFault } from "./fault-kinds.js";
import type { SeededRandom } from "./random.js";

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
/** How long the others may hold up a fault that has the run for itself, before another one goes first. */
const maxLullMs = 8_000;

const names = Object.keys(faultKinds) as FaultName[];

function pickTarget({ on }: FaultKind, targets: Targets, random: SeededRandom): string {
  return on in targets ? random.pick(targets[on as keyof Targets]) : on;
}

/**
 * Plans the faults of a run: what, on whom, when and how long, all over before the window ends. Different things are
 * hurt at the same time, the same thing never twice at once.
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
  let deck = random.shuffle(names);
  let cursorMs = random.between(500, 1_500);
  let isDeckUseful = false;

  /** Gives the end of the fault, or `null` when it does not fit. */
  function place(name: FaultName): number | null {
    const kind: FaultKind = faultKinds[name];
    const target = pickTarget(kind, targets, random);
    const isAlone = kind.on === "everything";
    const hurt = isAlone ? everybody : [target];
    const freeMs = Math.max(...hurt.map((one) => freeAtMs.get(one) ?? 0));
    const dueAtMs = Math.max(cursorMs, isAlone ? freeMs + calmMs : freeMs);
    const durationMs = Math.round(random.between(...kind.durationMs));
    const endMs = dueAtMs + durationMs;
    if (endMs > windowMs) return null;
    planned.push({ name, target, dueAtMs, durationMs });
    for (const one of hurt) freeAtMs.set(one, endMs + (serviceRecoveryMs[one] ?? recoveryMs));
    return isAlone ? endMs + recoveryMs : cursorMs;
  }

  while (cursorMs < windowMs) {
    const name = deck.pop();
    if (name === undefined) {
      if (!isDeckUseful) break;
      deck = random.shuffle(names);
      isDeckUseful = false;
      continue;
    }
    const lullMs = Math.max(...freeAtMs.values()) - cursorMs;
    if (faultKinds[name].on === "everything" && lullMs > maxLullMs && deck.length > 0) {
      deck.unshift(name);
      continue;
    }
    const endMs = place(name);
    if (endMs === null) continue;
    isDeckUseful = true;
    cursorMs = endMs + -Math.log(1 - random.next()) * meanGapMs;
  }
  return planned.sort((one, other) => one.dueAtMs - other.dueAtMs);
}
