/** Lets a crowd wait, and go on all at once. */
export function createHold() {
  let held: Promise<void> | null = null;
  let open: () => void = () => undefined;
  return {
    /** Everybody who comes from now on waits. */
    hold(): void {
      held ??= new Promise((resolve) => (open = resolve));
    },
    release(): void {
      held = null;
      open();
    },
    /** Resolves at once unless there is something to wait for. */
    pass: async (): Promise<void> => {
      while (held !== null) await held;
    },
  };
}

export type Hold = ReturnType<typeof createHold>;
