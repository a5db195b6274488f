import type { Command } from "commander";
import { CliError } from "../command.js";
import type { Format } from "./read-signups.js";

export type PublishOptions = {
  gatewayUrl: string | undefined;
  isQueue: boolean;
  format: Format | undefined;
  /** Events per second; 0 is no limit. */
  rate: number;
  concurrency: number;
  resumePath: string | undefined;
  isDryRun: boolean;
};

export const declareOptions = (command: Command): Command =>
  command
    .argument("<file>", "NDJSON or CSV; - for standard input")
    .option("--gateway <url>", "the gateway's address (default: http://127.0.0.1:$GATEWAY_PORT)")
    .option("--queue", "add the events to the queue in REDIS_URL instead")
    .option("--format <format>", "csv or ndjson (default: from the file extension or the first line)")
    .option("--rate <n>", "maximum events per second (default: no limit)")
    .option("--concurrency <n>", "batches in flight (default: 4)")
    .option("--resume <file>", "store the progress in this file, and continue from it")
    .option("--dry-run", "read and validate everything, send nothing");

function readNumber(name: string, text: unknown, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const number = typeof text === "string" && /^\d+$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > max) throw new CliError(`--${name} must be a whole number from 1 to ${max}`, 2);
  return number;
}

function readFormat(format: unknown): Format | undefined {
  if (format === undefined || format === "csv" || format === "ndjson") return format;
  throw new CliError("--format must be csv or ndjson", 2);
}

const readText = (value: unknown) => (typeof value === "string" ? value : undefined);

function readPath(name: string, value: unknown): string | undefined {
  if (value === "") throw new CliError(`--${name} must name a file`, 2);
  return readText(value);
}

/** Parses the options from commander. Throws {@link CliError} for invalid ones. */
export function readOptions(options: Record<string, unknown>): PublishOptions {
  const isQueue = options.queue === true;
  const gatewayUrl = readText(options.gateway);
  if (isQueue && gatewayUrl !== undefined) throw new CliError("use --queue or --gateway, not both", 2);
  return {
    gatewayUrl,
    isQueue,
    format: readFormat(options.format),
    rate: readNumber("rate", options.rate, 0, 1_000_000),
    concurrency: readNumber("concurrency", options.concurrency, 4, 64),
    resumePath: readPath("resume", options.resume),
    isDryRun: options.dryRun === true,
  };
}
