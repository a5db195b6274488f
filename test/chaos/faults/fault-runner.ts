import { setTimeout as delay } from "node:timers/promises";
import {
  faultKinds,
  type FaultKind,
  type PlannedFault,
  type FaultContext,
  type SystemUnderTest,
} from "./fault-kinds.js";

/**
 * Runs faults from their beginning to their end. One that comes while its target is still recovering from the last one
 * (a server takes as long to start as it takes) begins when that is over.
 */
export function createFaultRunner(system: SystemUnderTest) {
  const lastOn = new Map<string, Promise<void>>();

  function toContext({ name, target, durationMs, seed }: PlannedFault): FaultContext {
    const member = () => {
      const found = system.members.find((candidate) => candidate.name === target);
      if (found === undefined) throw new Error(`The fault "${name}" has no process to hurt.`);
      return found;
    };
    return { ...system, member, durationMs, seed, waitForDuration: () => delay(durationMs) };
  }

  const isAlone = ({ targetType: on }: FaultKind) => on === "everything";

  return {
    async run(fault: PlannedFault, onBegin: () => void): Promise<void> {
      const kind: FaultKind = faultKinds[fault.name];
      const before = isAlone(kind) ? [...lastOn.keys()] : [fault.target, "everything"];
      const running = Promise.all(before.map(async (target) => lastOn.get(target))).then(() => {
        onBegin();
        return kind.run(toContext(fault));
      });
      lastOn.set(fault.target, running);
      await running;
    },
  };
}

export type FaultRunner = ReturnType<typeof createFaultRunner>;
