import { VitalError, type VitalErrorKind } from "../../../src/core/vital/vital-error.js";
import type { Network, VitalOperation } from "./fake-vital.js";

/** How one call travels. */
type Behaviour = <T>(commit: () => T) => Promise<T>;

const timeoutError = () => new VitalError("unavailable", "no answer within 5000 ms");

/** Something to wait for until it is opened. */
export function createLatch() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A network on which a test lays down what happens to the next call of an operation; all others go straight through. */
export function createFakeNetwork() {
  const scripts = new Map<VitalOperation, Behaviour[]>();

  const network: Network = async (operation, commit) => {
    const behaviour = scripts.get(operation)?.shift();
    await Promise.resolve();
    return behaviour === undefined ? commit() : behaviour(commit);
  };

  function next(operation: VitalOperation, behaviour: Behaviour): void {
    scripts.set(operation, [...(scripts.get(operation) ?? []), behaviour]);
  }

  /** Holds the call before or after it commits; `reached` says that it is held. */
  function hold(operation: VitalOperation, where: "before" | "after") {
    const reached = createLatch();
    const released = createLatch();
    next(operation, async (commit) => {
      const answered = where === "after" ? { answer: commit() } : null;
      reached.open();
      await released.opened;
      return answered === null ? commit() : answered.answer;
    });
    return { reached: reached.opened, release: released.open };
  }

  return {
    network,
    holdBeforeCommit: (operation: VitalOperation) => hold(operation, "before"),
    holdResponse: (operation: VitalOperation) => hold(operation, "after"),

    /** The call commits and its answer never arrives: the caller sees a time-out. */
    loseResponse(operation: VitalOperation): void {
      next(operation, (commit) => {
        commit();
        return Promise.reject(timeoutError());
      });
    },

    /** The caller sees a time-out; the call commits whenever the test says so. */
    commitLate(operation: VitalOperation): { commit: () => void } {
      let late: (() => unknown) | undefined;
      next(operation, (commit) => {
        late = commit;
        return Promise.reject(timeoutError());
      });
      return { commit: () => void late?.() };
    },

    /** The caller sees a time-out, at the moment that the test chooses. */
    failAfter(operation: VitalOperation, moment: Promise<void>): void {
      next(operation, () => moment.then(() => Promise.reject(timeoutError())));
    },

    /** The call fails without reaching Vital's books. */
    fail(
      operation: VitalOperation,
      kind: VitalErrorKind,
      details: { retryAfterMs?: number; wasCalled?: boolean } = {},
    ): void {
      next(operation, () => Promise.reject(new VitalError(kind, `${operation}: ${kind}`, details)));
    },
  };
}

export type ScriptedNetwork = ReturnType<typeof createFakeNetwork>;
