#!/usr/bin/env node
import { randomUUID } from "node:crypto";
import module from "node:module";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Command, CommanderError } from "commander";
import { CliError, createOutput, type CliCommand } from "./cli/command.js";
import { isExpectedError, toErrorText, toUnexpectedErrorText, toUsageText } from "./cli/error-text.js";
import { tolerateOutputErrors } from "./cli/output-streams.js";

type CommandEntry = { summary: string; load: () => Promise<CliCommand> };

async function loadGateway(): Promise<CliCommand> {
  const { startGateway } = await import("./gateway.js");
  const { readGatewayConfig } = await import("./config/config.js");
  return (await import("./cli/run-process.js")).toProcessCommand(readGatewayConfig, startGateway);
}

async function loadWorker(): Promise<CliCommand> {
  const { startWorker } = await import("./worker.js");
  const { readWorkerConfig } = await import("./config/config.js");
  return (await import("./cli/run-process.js")).toProcessCommand(readWorkerConfig, startWorker);
}

/** Only the requested command is loaded, so that a process starts faster and uses less memory. */
const commands: Readonly<Record<string, CommandEntry>> = {
  gateway: {
    summary: "run the HTTP process: GraphQL for apps, events from signup services",
    load: loadGateway,
  },
  worker: {
    summary: "run a worker process: provisions and deprovisions Vital users",
    load: loadWorker,
  },
  simulator: {
    summary: "run a local simulator of Vital for development and tests (not in the npm package)",
    load: async () => (await import("./cli/run-simulator.js")).simulatorCommand,
  },
  migrate: {
    summary: "create or update the indexes in MongoDB",
    load: async () => (await import("./cli/migrate.js")).migrateCommand,
  },
  doctor: {
    summary: "check settings, services, API key, indexes and issuer, or one access token, and suggest fixes",
    load: async () => (await import("./cli/doctor.js")).doctorCommand,
  },
  status: {
    summary: "show counts by state and the oldest pending mapping, or one user's mapping",
    load: async () => (await import("./cli/status.js")).statusCommand,
  },
  retry: {
    summary: "set failed mappings back to pending",
    load: async () => (await import("./cli/retry.js")).retryCommand,
  },
  publish: {
    summary: "send users from NDJSON or CSV as signup events",
    load: async () => (await import("./cli/publish.js")).publishCommand,
  },
};

const usageExitCode = 2;

function toExitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  if (error instanceof CliError) return error.exitCode;
  return 1;
}

async function toText(error: unknown): Promise<string> {
  if (isExpectedError(error)) return toErrorText(error);
  const { isDebugLogging } = await import("./config/config.js");
  return toUnexpectedErrorText(error, { errorId: randomUUID(), showStack: isDebugLogging() });
}

/** Prints why the command failed. */
async function printError(error: unknown): Promise<void> {
  const text = await toText(error);
  if (text !== "") process.stderr.write(`${text}\n`);
}

function addCommand(program: Command, name: string, summary: string, loaded: CliCommand | null): void {
  const command = program.command(name).description(summary).exitOverride();
  const declared = (loaded?.declare?.(command) ?? command).option("--json", "print JSON");
  declared.action(async () => {
    const options: Record<string, unknown> = declared.opts();
    const output = createOutput(options.json === true);
    process.exitCode = await loaded?.run({ args: declared.args, options, output });
  });
}

async function createProgram(names: readonly string[]): Promise<Command> {
  const program = new Command("vital-gateway")
    .description(
      "Issues a Vital Sign-In Token to each signed-in app user, and keeps the API key on the server.",
    )
    .configureOutput({
      outputError: (text, write) => {
        write(toUsageText(text));
      },
    })
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    addCommand(program, name, summary, names.includes(name) ? await load() : null);
  }
  return program;
}

// Node.js 22 and later keep compiled code between starts.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

const isOutputLost = tolerateOutputErrors();

/** Ends the process, after failed writes have been reported. */
async function end(exitCode: number): Promise<never> {
  await nextTurn();
  process.exit(isOutputLost() && exitCode === 0 ? 1 : exitCode);
}

process.on("uncaughtException", (error) => {
  // A process that is running handles it itself: it logs the error, and stops.
  if (process.listenerCount("uncaughtException") > 1) return;
  void printError(error).finally(() => process.exit(1));
});

/** A process that is stopped while it loads has nothing to finish. */
const exit = () => process.exit(0);
process.on("SIGTERM", exit).on("SIGINT", exit);

try {
  // In `help gateway` the command is the second argument.
  const program = await createProgram(process.argv.slice(2, 4));
  process.off("SIGTERM", exit).off("SIGINT", exit);
  await program.parseAsync();
  await end(Number(process.exitCode ?? 0));
} catch (error) {
  await printError(error);
  await end(toExitCode(error));
}
