/** Returns the current time. Passed in as an argument, so that tests can control it. */
export type Clock = () => Date;

/** Returns a random number in [0, 1). Passed in as an argument, so that tests can control it. */
export type Random = () => number;

export const after = (at: Date, durationMs: number): Date => new Date(at.getTime() + durationMs);
