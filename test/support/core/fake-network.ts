import { VitalError, type VitalErrorKind } from "../../../src/core/vital/vital-error.js";
import type { Network, VitalOperation } from "./fake-vital.js";

/** What happens to one call. */
type Behavior = <T>(commit: () => T) => Promise<T>;

const timeoutError = () => new VitalError("unavailable", "no response within 5000 ms");

/** A promise that resolves when the test opens it. */
export function createLatch() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** A network on which a test decides what happens to the next call of an operation. All other calls pass unchanged. */
export function createFakeNetwork() {
  const scripts = new Map<VitalOperation, Behavior[]>();

  const network: Network = async (operation, commit) => {
    const behavior = scripts.get(operation)?.shift();
    await Promise.resolve();
    return behavior === undefined ? commit() : behavior(commit);
  };

  function next(operation: VitalOperation, behavior: Behavior): void {
    scripts.set(operation, [...(scripts.get(operation) ?? []), behavior]);
  }

  /** Holds the call before or after it commits; `reached` resolves when the call is held. */
  function hold(operation: VitalOperation, where: "before" | "after") {
    const reached = createLatch();
    const released = createLatch();
    next(operation, async (commit) => {
      const responded = where === "after" ? { response: commit() } : null;
      reached.open();
      await released.opened;
      return responded === null ? commit() : responded.response;
    });
    return { reached: reached.opened, release: released.open };
  }

  return {
    network,
    holdBeforeCommit: (operation: VitalOperation) => hold(operation, "before"),
    holdResponse: (operation: VitalOperation) => hold(operation, "after"),

    /** The call commits, but its response never arrives: the call times out. */
    loseResponse(operation: VitalOperation): void {
      next(operation, (commit) => {
        commit();
        return Promise.reject(timeoutError());
      });
    },

    /** The call times out, and commits when the test calls `commit`. */
    commitLate(operation: VitalOperation): { commit: () => void } {
      let late: (() => unknown) | undefined;
      next(operation, (commit) => {
        late = commit;
        return Promise.reject(timeoutError());
      });
      return { commit: () => void late?.() };
    },

    /** The call times out when `moment` resolves, and never commits. */
    failAfter(operation: VitalOperation, moment: Promise<void>): void {
      next(operation, () => moment.then(() => Promise.reject(timeoutError())));
    },

    /** The call fails without any effect at Vital. */
    fail(
      operation: VitalOperation,
      kind: VitalErrorKind,
      details: { retryAfterMs?: number; wasCalled?: boolean } = {},
    ): void {
      next(operation, () => Promise.reject(new VitalError(kind, `${operation}: ${kind}`, details)));
    },
  };
}
