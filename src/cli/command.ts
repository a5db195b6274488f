import type { Command } from "commander";

/** Prints for a person, or one JSON object for a program. */
export type Output = {
  print(line: string): void;
  result(value: object, lines: () => readonly string[]): void;
};

/** What a command of `vital-gateway` takes, and what it does; running it gives the exit code. */
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
