/** Creates a switch that pauses many callers and resumes them all at the same moment. */
export function createPauseSwitch() {
  let paused: Promise<void> | null = null;
  let wakeUp: () => void = () => undefined;
  return {
    /** From now on `waitWhilePaused` waits until `resume`. */
    pause(): void {
      paused ??= new Promise((resolve) => (wakeUp = resolve));
    },
    resume(): void {
      paused = null;
      wakeUp();
    },
    /** Resolves immediately if not paused. */
    waitWhilePaused: async (): Promise<void> => {
      while (paused !== null) await paused;
    },
  };
}

export type PauseSwitch = ReturnType<typeof createPauseSwitch>;
