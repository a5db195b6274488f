#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { createOutput, type CliCommand } from "./cli/command.js";
import { Failure } from "./cli/failure.js";
import { doctorCommand } from "./cli/doctor.js";
import { migrateCommand, retryCommand, statusCommand } from "./cli/operate.js";
import { publishCommand } from "./cli/publish.js";
import { gatewayCommand, simulatorCommand, workerCommand } from "./cli/run-process.js";
import { ConfigError } from "./config.js";
import { ServiceError } from "./core/errors.js";

const commands: readonly CliCommand[] = [
  gatewayCommand,
  workerCommand,
  simulatorCommand,
  migrateCommand,
  doctorCommand,
  statusCommand,
  retryCommand,
  publishCommand,
];

const wrongUsage = 2;

function toExitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
  if (error instanceof Failure) return error.exitCode;
  return 1;
}

/** What is said of an error: a sentence where it was foreseen, the whole of it where it is a bug. */
function toText(error: unknown): string {
  if (error instanceof CommanderError) return "";
  if (error instanceof Failure || error instanceof ConfigError) return error.message;
  if (error instanceof ServiceError) return `${error.message} (${error.reason ?? error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function createProgram(): Command {
  const program = new Command("vital-gateway")
    .description("Hands each signed-in app user a Vital Sign-In Token, and keeps the API key on the server.")
    .exitOverride();
  for (const { name, summary, declare, run } of commands) {
    const command = program.command(name).description(summary).exitOverride();
    const declared = (declare?.(command) ?? command).option("--json", "print JSON");
    declared.action(async () => {
      const options: Record<string, unknown> = declared.opts();
      const output = createOutput(options.json === true);
      process.exitCode = await run({ args: declared.args, options, output });
    });
  }
  return program;
}

try {
  await createProgram().parseAsync();
  process.exit();
} catch (error) {
  const text = toText(error);
  if (text !== "") process.stderr.write(`${text}\n`);
  process.exit(toExitCode(error));
}
