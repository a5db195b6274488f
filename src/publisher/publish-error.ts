import type { Signup } from "./signup.js";

/**
 * Why an event was not acknowledged. `invalid`, `refused`: it, or a setting, has to change first. `deadline`,
 * `aborted`: it may have arrived all the same, and publishing it again is harmless. `closed`: it was not sent.
 */
export type PublishFailure = "invalid" | "refused" | "deadline" | "aborted" | "closed";

/** An event was not acknowledged. It is still in your hand: keep it, and publish `event` again. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  /** The HTTP status of the last answer, where there was one. */
  readonly status: number | undefined;

  constructor(
    readonly reason: PublishFailure,
    message: string,
    /** As it was to be published, id and instant included, so that a repetition is the same event. */
    readonly event: Signup,
    details: { status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
  }
}
