#!/usr/bin/env node
import module from "node:module";
import { Command, CommanderError } from "commander";
import { CliError, createOutput, type CliCommand } from "./cli/command.js";
import { ServiceError } from "./core/errors.js";
import { ConfigError } from "./config/settings-reader.js";

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

/** Returns the message of an expected error, and the stack of a bug. */
function toText(error: unknown): string {
  if (error instanceof CommanderError) return "";
  if (error instanceof CliError || error instanceof ConfigError) return error.message;
  if (error instanceof ServiceError) return `${error.message} (${error.reason ?? error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
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
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    addCommand(program, name, summary, names.includes(name) ? await load() : null);
  }
  return program;
}

// Node.js 22 and later keep compiled code between starts.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

/** A process that is stopped while it loads has nothing to finish. */
const exit = () => process.exit(0);
process.on("SIGTERM", exit).on("SIGINT", exit);

try {
  // In `help gateway` the command is the second argument.
  const program = await createProgram(process.argv.slice(2, 4));
  process.off("SIGTERM", exit).off("SIGINT", exit);
  await program.parseAsync();
  process.exit();
} catch (error) {
  const text = toText(error);
  if (text !== "") process.stderr.write(`${text}\n`);
  process.exit(toExitCode(error));
}
