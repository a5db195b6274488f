/** Holds requests for a given time, until the client disconnects, or until all are released. */
export function createHeldRequests() {
  const releases = new Set<() => void>();

  return {
    /**
     * @param durationMs how long to hold the request; `null` for no limit.
     * @param onDisconnect registers a listener for the client's disconnection, which ends the hold.
     * @returns whether the time elapsed or the request was released early.
     */
    hold(
      durationMs: number | null,
      onDisconnect?: (listener: () => void) => void,
    ): Promise<"elapsed" | "released"> {
      return new Promise((resolve) => {
        const end = (reason: "elapsed" | "released") => {
          clearTimeout(timer);
          releases.delete(release);
          resolve(reason);
        };
        const release = () => {
          end("released");
        };
        const timer = durationMs === null ? undefined : setTimeout(end, durationMs, "elapsed");
        releases.add(release);
        onDisconnect?.(release);
      });
    },

    releaseAll(): void {
      for (const release of [...releases]) release();
    },
  };
}
export type HeldRequests = ReturnType<typeof createHeldRequests>;
