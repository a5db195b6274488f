/** A command could not do its work; the message is for the operator, and the process ends with `exitCode`. */
export class Failure extends Error {
  override readonly name = "Failure";
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}
