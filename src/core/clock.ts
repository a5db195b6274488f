/** The present instant; passed in, so that tests can move it. */
export type Clock = () => Date;

/** Uniform in [0, 1); passed in, so that tests can fix it. */
export type Random = () => number;

/** The instant so many milliseconds after another. */
export const after = (at: Date, durationMs: number): Date => new Date(at.getTime() + durationMs);
