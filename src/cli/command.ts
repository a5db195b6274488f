import type { Command } from "commander";
import { toAppUserId, type AppUserId } from "../core/mapping/app-user-id.js";

/** Prints lines for a person, or one JSON object for a program. */
export type Output = {
  print(line: string): void;
  result(value: object, lines: () => readonly string[]): void;
};

/** The arguments and options of a `vital-gateway` command, and its action, which returns the exit code. */
export type CliCommand = {
  declare?: (command: Command) => Command;
  run: (input: {
    args: readonly string[];
    options: Record<string, unknown>;
    output: Output;
  }) => Promise<number>;
};

export const createOutput = (isJson: boolean): Output => ({
  print(line) {
    process.stdout.write(`${line}\n`);
  },
  result(value, lines) {
    process.stdout.write(
      isJson
        ? `${JSON.stringify(value)}\n`
        : lines()
            .map((line) => `${line}\n`)
            .join(""),
    );
  },
});

/** A command failed. The message is for the operator, and the process exits with `exitCode`. */
export class CliError extends Error {
  override readonly name = "CliError";
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** Parses an app user id from the command line; throws {@link CliError} when it cannot be one. */
export function parseAppUserId(text: string): AppUserId {
  const appUserId = toAppUserId(text);
  if (appUserId === null) throw new CliError(`"${text.slice(0, 80)}" is not a valid app user id`, 2);
  return appUserId;
}
