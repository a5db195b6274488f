import type { KeyObject } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { type Logger } from "../../telemetry/logger.js";
import { createDocumentFetcher, type FetchDocument } from "./fetch-document.js";
import { createKeySet, type KeySet, type KeySetStatus, type Schedule } from "./key-set.js";
import type { AuthPolicy } from "../policy.js";
import type { SigningKey } from "./signing-keys.js";

/** The one key of a shared secret: no kid needed, nothing to fetch. */
function createSecretKeySet(issuer: string, secret: KeyObject): KeySet {
  const key: SigningKey = Object.freeze({ kid: "", algorithm: "HS256", key: secret, material: "" });
  return {
    find: (_kid, algorithm) =>
      Promise.resolve(algorithm === key.algorithm ? { key } : { problem: "the shared secret does not fit" }),
    isCurrent: (candidate) => candidate === key,
    start: () => undefined,
    refresh: () => Promise.resolve(),
    close: () => Promise.resolve(),
    status: () => ({ issuer, keys: 1, succeededAt: null, problem: null }),
  };
}

/** A timer of the process. */
export const scheduleTimer: Schedule = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
};

/** The keys of all issuers of a policy. */
export type KeySets = {
  /** One set per issuer, so that a key of one can never stand for another. */
  forIssuer(issuer: string): KeySet | undefined;
  start(): void;
  /** Fetches all now; what is wrong is in `status`. */
  refresh(): Promise<void>;
  close(): Promise<void>;
  status(): KeySetStatus[];
};

type KeySetsOptions = {
  policy: AuthPolicy;
  log: Logger;
  now: Clock;
  schedule?: Schedule;
  /** For one refresh, milliseconds; 5000. */
  timeoutMs?: number;
  fetchDocument?: FetchDocument;
};

/** Makes the key sets of a policy's issuers; nothing is fetched before `start` or the first token. */
export function createKeySets(options: KeySetsOptions): KeySets {
  const { policy, log, now, schedule = scheduleTimer, timeoutMs = 5000 } = options;
  const fetcher = createDocumentFetcher();
  const fetchDocument = options.fetchDocument ?? fetcher.fetchDocument;
  const { algorithms, allowHttp } = policy;
  const sets = new Map(
    policy.issuers.map(({ issuer, keys }): [string, KeySet] => [
      issuer,
      keys.from === "secret"
        ? createSecretKeySet(issuer, keys.secret)
        : createKeySet({
            issuer,
            source: keys,
            algorithms,
            allowHttp,
            now,
            schedule,
            log,
            timeoutMs,
            fetchDocument,
          }),
    ]),
  );
  const all = [...sets.values()];
  return {
    forIssuer: (issuer) => sets.get(issuer),
    start: () => {
      for (const set of all) set.start();
    },
    async refresh() {
      await Promise.all(all.map((set) => set.refresh()));
    },
    async close() {
      await Promise.all(all.map((set) => set.close()));
      await fetcher.close();
    },
    status: () => all.map((set) => set.status()),
  };
}
