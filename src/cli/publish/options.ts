import type { Command } from "commander";
import { CliError } from "../command.js";
import type { Format } from "./read-signups.js";

export type PublishOptions = {
  gatewayUrl: string | undefined;
  isQueue: boolean;
  format: Format | undefined;
  /** Events a second; 0 is no limit. */
  rate: number;
  concurrency: number;
  resumePath: string | undefined;
  isDryRun: boolean;
};

export const declareOptions = (command: Command): Command =>
  command
    .argument("<file>", "NDJSON or CSV; - is standard input")
    .option("--gateway <url>", "the gateway's address (default: http://127.0.0.1:$GATEWAY_PORT)")
    .option("--queue", "add to the queue of REDIS_URL instead")
    .option("--format <format>", "csv or ndjson (default: told from the name or the first line)")
    .option("--rate <n>", "events a second at most")
    .option("--concurrency <n>", "batches under way at once (default: 4)")
    .option("--resume <file>", "keep there how far it is, and go on from there")
    .option("--dry-run", "read and check everything, send nothing");

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

/** Takes what commander gives; throws {@link CliError} for what makes no sense. */
export function readOptions(options: Record<string, unknown>): PublishOptions {
  const isQueue = options.queue === true;
  const gatewayUrl = readText(options.gateway);
  if (isQueue && gatewayUrl !== undefined) throw new CliError("give --queue or --gateway, not both", 2);
  return {
    gatewayUrl,
    isQueue,
    format: readFormat(options.format),
    rate: readNumber("rate", options.rate, 0, 1_000_000),
    concurrency: readNumber("concurrency", options.concurrency, 4, 64),
    resumePath: readText(options.resume),
    isDryRun: options.dryRun === true,
  };
}
