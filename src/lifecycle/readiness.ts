import { ServiceError } from "../core/errors.js";
import type { Readiness } from "../http/health.js";

/** How often MongoDB is checked, milliseconds; four times as often while there is a problem. */
const checkEveryMs = 2_000;
/** The retry delay that callers receive while the process is starting, milliseconds. */
const startingRetryMs = 2_000;

/**
 * Tracks whether the process can do its work: MongoDB responds, the mappings belong to the deployment of our API key,
 * and the indexes exist. `whenFirstReady` resolves when all these checks have passed once. After that, the services may
 * be used; while MongoDB is unavailable they return errors themselves.
 */
export function startReadiness({
  whenConnected,
  assertDeployment,
  prepareIndexes,
  ping,
  lastMongoFailure,
  isFatal,
  onFatal,
  isStopping,
}: {
  whenConnected: Promise<void>;
  /** Throws when the mappings belong to another deployment. */
  assertDeployment: () => Promise<void>;
  /** Creates the indexes of an empty collection. Returns the names of the missing ones. */
  prepareIndexes: () => Promise<readonly string[]>;
  ping: () => Promise<void>;
  /** Why MongoDB was last unavailable. Only operators may see it. */
  lastMongoFailure: () => { reason: string; fix: string } | null;
  /** Whether an error of these checks can only be fixed by a restart with different settings. */
  isFatal: (error: unknown) => boolean;
  /** Called once with the fatal error. The checks then stop. */
  onFatal: (error: unknown) => void;
  isStopping: () => boolean;
}) {
  let problem: string | null = "MongoDB has not responded yet";
  let hasBeenReady = false;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let resolveFirstReady: () => void;
  const whenFirstReady = new Promise<void>((resolve) => (resolveFirstReady = resolve));

  async function findProblem(): Promise<string | null> {
    if (hasBeenReady) {
      await ping();
      return null;
    }
    await assertDeployment();
    const missing = await prepareIndexes();
    if (missing.length > 0) return `indexes are missing (${missing.join(", ")}): run vital-gateway migrate`;
    hasBeenReady = true;
    resolveFirstReady();
    return null;
  }

  async function check(): Promise<void> {
    try {
      problem = await findProblem();
    } catch (error) {
      if (isFatal(error)) {
        onFatal(error);
        return;
      }
      problem = "MongoDB is not responding";
    }
    if (!isClosed) timer = setTimeout(() => void check(), problem === null ? checkEveryMs : checkEveryMs / 4);
  }

  void whenConnected.then(check);

  function state(): Readiness {
    if (isStopping()) return { ready: false, reason: "the process is stopping" };
    return problem === null ? { ready: true } : { ready: false, reason: problem };
  }

  /** Returns the reason of MongoDB's driver if MongoDB is the reason, for the admin port. */
  function detailedState(): Readiness {
    const current = state();
    const failure = lastMongoFailure();
    const isAboutMongo = !current.ready && current.reason.startsWith("MongoDB");
    if (!isAboutMongo || failure === null) return current;
    return { ready: false, reason: `MongoDB: ${failure.reason}`, fix: failure.fix };
  }

  return {
    whenFirstReady,
    state,
    detailedState,

    /** Wraps a function so that it rejects with `SERVICE_UNAVAILABLE` until the checks have passed once. */
    guard<A extends unknown[], R>(service: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
      return (...args) => {
        if (hasBeenReady) return service(...args);
        const readiness = state();
        const reason = readiness.ready ? "starting" : readiness.reason;
        return Promise.reject(
          new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: startingRetryMs, reason }),
        );
      };
    },

    close(): void {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
