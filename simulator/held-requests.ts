/** Holds requests back until their time has come, or until everyone is let go. */
export function createWaitingRoom() {
  const waiting = new Set<() => void>();

  return {
    /**
     * @param waitMs null for a wait without an end.
     * @param onceGone subscribes to the caller's leaving, which ends the wait.
     * @returns whether the time passed or the wait was cut short.
     */
    wait(waitMs: number | null, onceGone?: (listener: () => void) => void): Promise<"time" | "released"> {
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
        onceGone?.(release);
      });
    },

    releaseAll(): void {
      for (const release of [...waiting]) release();
    },
  };
}
export type WaitingRoom = ReturnType<typeof createWaitingRoom>;
