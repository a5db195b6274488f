import type { Signup } from "./signup.js";

/**
 * Why an event was not acknowledged. `invalid` and `refused`: the event or a setting has to change first. `deadline`
 * and `aborted`: the event may have arrived, and publishing it again is harmless. `closed`: it was not sent.
 */
export type PublishFailure = "invalid" | "refused" | "deadline" | "aborted" | "closed";

/** An event was not acknowledged. Keep `event`, and publish it again. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  /** The HTTP status of the last response, if there was one. */
  readonly status: number | undefined;

  constructor(
    readonly reason: PublishFailure,
    message: string,
    /** The event with its id and time, so that publishing it again is the same event. */
    readonly event: Signup,
    details: { status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
  }
}
