import { setTimeout as delay } from "node:timers/promises";
import {
  faultKinds,
  type FaultKind,
  type PlannedFault,
  type FaultContext,
  type SystemUnderTest,
} from "./fault-kinds.js";

/**
 * Runs faults from start to end. A fault that is due while its target still recovers from the previous one (a server may
 * take long to start) starts when the recovery is over.
 */
export function createFaultRunner(system: SystemUnderTest) {
  const lastFaultOf = new Map<string, Promise<void>>();

  function toContext({ name, target, durationMs, seed }: PlannedFault): FaultContext {
    const member = () => {
      const found = system.members.find((candidate) => candidate.name === target);
      if (found === undefined) throw new Error(`The fault "${name}" needs a process as its target.`);
      return found;
    };
    return { ...system, member, durationMs, seed, waitForDuration: () => delay(durationMs) };
  }

  const isAlone = ({ targetType: on }: FaultKind) => on === "everything";

  return {
    async run(fault: PlannedFault, onStart: () => void): Promise<void> {
      const kind: FaultKind = faultKinds[fault.name];
      const earlier = isAlone(kind) ? [...lastFaultOf.keys()] : [fault.target, "everything"];
      const running = Promise.all(earlier.map(async (target) => lastFaultOf.get(target))).then(() => {
        onStart();
        return kind.run(toContext(fault));
      });
      lastFaultOf.set(fault.target, running);
      await running;
    },
  };
}

export type FaultRunner = ReturnType<typeof createFaultRunner>;
