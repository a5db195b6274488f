import { setTimeout as delay } from "node:timers/promises";
import {
  faultKinds,
  runsAlone,
  type FaultKind,
  type PlannedFault,
  type FaultContext,
  type SystemUnderTest,
} from "./fault-kinds.js";

/**
 * Runs faults from start to end. If a fault is due before the previous fault of its target has ended (a server may take long
 * to start), it starts when that one has ended.
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

  return {
    async run(fault: PlannedFault, onStart: () => void): Promise<void> {
      const kind: FaultKind = faultKinds[fault.name];
      const earlier = runsAlone(kind) ? [...lastFaultOf.keys()] : [fault.target, "everything"];
      const running = Promise.all(earlier.map(async (target) => lastFaultOf.get(target))).then(() => {
        onStart();
        return kind.run(toContext(fault));
      });
      lastFaultOf.set(fault.target, running);
      await running;
    },
  };
}
