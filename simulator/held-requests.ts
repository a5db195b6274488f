/** Holds requests back until their time has come, or until everyone is let go. */
export function createHeldRequests() {
  const waiting = new Set<() => void>();

  return {
    /**
     * @param waitMs null for a wait without an end.
     * @param onClientGone subscribes to the caller's leaving, which ends the wait.
     * @returns whether the time passed or the wait was cut short.
     */
    hold(waitMs: number | null, onClientGone?: (listener: () => void) => void): Promise<"time" | "released"> {
      return new Promise((resolve) => {
        const leave = (reason: "time" | "released") => {
          clearTimeout(timer);
          waiting.delete(release);
          resolve(reason);
        };
        const release = () => {
          leave("released");
        };
        const timer = waitMs === null ? undefined : setTimeout(leave, waitMs, "time");
        waiting.add(release);
        onClientGone?.(release);
      });
    },

    releaseAll(): void {
      for (const release of [...waiting]) release();
    },
  };
}
export type HeldRequests = ReturnType<typeof createHeldRequests>;
