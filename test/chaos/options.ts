import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { parseOutage, type Outage } from "./outages/outage.js";

export type ChaosOptions = {
  /** App users that the signup services announce; some more are known to viewers alone. */
  signups: number;
  workers: number;
  gateways: number;
  /** Everything that is drawn in a run is drawn from it. */
  seed: number;
  /** How long faults and load last, seconds. */
  seconds: number;
  /** Instead of faults by chance: one service down at a time, in this order. */
  outages: readonly Outage[];
  keepLogs: boolean;
  json: boolean;
};

export const usage = `npm run test:chaos -- [flags]
  --signups N    app users that sign up (2000)
  --workers N    worker processes (3)
  --gateways N   gateway processes (2)
  --seconds N    how long faults and load last (120)
  --seed N       repeats a run: the same users, events, visits and faults (random)
  --outage SERVICE=SECONDS[,silent]
                 no faults by chance, but this service down for so long: redis, mongo or vital. It refuses
                 connections; "silent": it takes them and never answers. Several: one after the other
  --keep-logs    keeps the logs of the processes, also when all is well
  --json         prints the result as one JSON line at the end`;

/** The flags of the command line are not right; the message says what to change. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

function toCount(name: string, text: string, min: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text);
  throw new UsageError(`--${name} must be a whole number from ${min}, not "${text}"`);
}

function toOutage(text: string): Outage {
  const outage = parseOutage(text);
  if (outage !== null) return outage;
  throw new UsageError(
    `--outage must be redis, mongo or vital, "=" and 40 to 3600 seconds, and perhaps ",silent", not "${text}"`,
  );
}

/**
 * Reads the flags, without the program's name.
 * @throws UsageError for an unknown flag or an impossible value
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
