import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { parseOutage, type Outage } from "./outages/outage.js";

export type ChaosOptions = {
  /** App users whose signup is sent as an event. Some additional app users only request tokens. */
  signups: number;
  workers: number;
  gateways: number;
  /** Determines all random choices of a run. */
  seed: number;
  /** How long faults and load last. */
  seconds: number;
  /** If not empty, these outages run one after another instead of random faults. */
  outages: readonly Outage[];
  keepLogs: boolean;
  json: boolean;
};

export const usage = `Usage: npm run test:chaos -- [options]

Runs gateways and workers under load, injects faults, and checks that no signup or deletion was lost.

  --signups N    number of app users that sign up (default: 2000)
  --workers N    number of worker processes (default: 3)
  --gateways N   number of gateway processes (default: 2)
  --seconds N    how long load and faults last (default: 120)
  --seed N       repeats the users, events, token requests and faults of an earlier run (default: random)
  --outage SERVICE=SECONDS[,silent]
                 instead of random faults, takes one service down for 40 to 3600 seconds. SERVICE is redis,
                 mongo or vital. The service refuses connections; with ",silent" it accepts them and never
                 responds. Repeat the option to run several outages one after another.
  --keep-logs    keeps the log files of the processes even if the run passes
  --json         also prints the report as one JSON object on the last line

Exit code: 0 if every check passed, 1 if one failed, 2 for invalid options, 130 if interrupted.`;

/** The command line is invalid; the message says what to change. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

function toCount(name: string, text: string, min: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text);
  throw new UsageError(`Invalid --${name} "${text}": expected a whole number of at least ${min}.`);
}

function toOutage(text: string): Outage {
  const outage = parseOutage(text);
  if (outage !== null) return outage;
  throw new UsageError(
    `Invalid --outage "${text}": expected SERVICE=SECONDS[,silent] with redis, mongo or vital and 40 to 3600 seconds.`,
  );
}

/**
 * Parses the command-line arguments that follow the program's name.
 * @throws UsageError for an unknown option or an invalid value
 */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        signups: text("2000"),
        workers: text("3"),
        gateways: text("2"),
        seconds: text("120"),
        seed: text(String(randomInt(1, 1_000_000))),
        outage: { type: "string", multiple: true, default: [] },
        "keep-logs": flag,
        json: flag,
      },
    });
    return {
      signups: toCount("signups", values.signups, 1),
      workers: toCount("workers", values.workers, 1),
      gateways: toCount("gateways", values.gateways, 1),
      seconds: toCount("seconds", values.seconds, 5),
      seed: toCount("seed", values.seed, 0),
      outages: values.outage.map(toOutage),
      keepLogs: values["keep-logs"],
      json: values.json,
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}
