import type { KeyObject } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { type Logger } from "../../telemetry/logger.js";
import { createDocumentFetcher, type FetchDocument } from "./fetch-document.js";
import { createKeySet, type KeySet, type KeySetStatus, type Schedule } from "./key-set.js";
import type { FindProxy } from "../../http-client/outbound-proxies.js";
import type { AuthPolicy } from "../policy.js";
import type { SigningKey } from "./signing-keys.js";

/** Creates the key set of an issuer with a shared secret. Its only key needs no kid and is never fetched. */
function createSecretKeySet(issuer: string, secret: KeyObject): KeySet {
  const key: SigningKey = Object.freeze({
    kid: undefined,
    algorithm: "HS256",
    key: secret,
    publicKey: "",
    material: "",
  });
  return {
    find: (_kid, algorithm) =>
      Promise.resolve(
        algorithm === key.algorithm ? { key } : { problem: "the shared secret works only with HS256" },
      ),
    isCurrent: (candidate) => candidate === key,
    start: () => undefined,
    refresh: () => Promise.resolve(),
    close: () => Promise.resolve(),
    status: () => ({ issuer, keys: 1, succeededAt: null, problem: null, fix: null }),
  };
}

/** Schedules with a Node.js timer. */
export const scheduleTimer: Schedule = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
};

/** The keys of all issuers of a policy. */
export type KeySets = {
  /** Each issuer has its own key set, so that a key of one issuer never verifies a token of another. */
  forIssuer(issuer: string): KeySet | undefined;
  start(): void;
  /** Fetches all key sets now. Never throws: `status` reports the problems. */
  refresh(): Promise<void>;
  close(): Promise<void>;
  status(): KeySetStatus[];
};

type KeySetsOptions = {
  policy: AuthPolicy;
  log: Logger;
  now: Clock;
  schedule?: Schedule;
  /** For one refresh; 5000 by default. */
  timeoutMs?: number;
  fetchDocument?: FetchDocument;
  /** The proxy for requests to an issuer; none by default. */
  findProxy?: FindProxy;
};

/** Creates the key sets of a policy's issuers. Nothing is fetched before `start` or the first token. */
export function createKeySets(options: KeySetsOptions): KeySets {
  const { policy, log, now, schedule = scheduleTimer, timeoutMs = 5000 } = options;
  const fetcher = createDocumentFetcher(options.findProxy);
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
