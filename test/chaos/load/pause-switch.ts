/** Lets a crowd wait, and go on all at once. */
export function createPauseSwitch() {
  let paused: Promise<void> | null = null;
  let open: () => void = () => undefined;
  return {
    /** Everybody who comes from now on waits. */
    pause(): void {
      paused ??= new Promise((resolve) => (open = resolve));
    },
    resume(): void {
      paused = null;
      open();
    },
    /** Resolves at once unless there is something to wait for. */
    waitWhilePaused: async (): Promise<void> => {
      while (paused !== null) await paused;
    },
  };
}

export type PauseSwitch = ReturnType<typeof createPauseSwitch>;
