import { ServiceError } from "../core/errors.js";
import type { Readiness } from "../http/health.js";

/** How often MongoDB is checked, milliseconds; four times as often while there is a problem. */
const checkEveryMs = 2_000;
/** What a caller is told to wait while the process is starting, milliseconds. */
const startingRetryMs = 2_000;

/**
 * Tracks whether the process can do its work: MongoDB responds, the mappings belong to the deployment of our API key,
 * the indexes exist. `whenOpen` resolves when all of it has been true once. From then on the services may be used;
 * while MongoDB is unavailable they fail by themselves.
 */
export function startReadiness({
  whenConnected,
  assertDeployment,
  prepareIndexes,
  ping,
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
  /** Whether an error of these checks can only be solved by a new process with other settings. */
  isFatal: (error: unknown) => boolean;
  /** Called once with the fatal error; the checks end. */
  onFatal: (error: unknown) => void;
  isStopping: () => boolean;
}) {
  let problem: string | null = "MongoDB has not responded yet";
  let isOpen = false;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let open: () => void;
  const whenOpen = new Promise<void>((resolve) => (open = resolve));

  async function findProblem(): Promise<string | null> {
    if (isOpen) {
      await ping();
      return null;
    }
    await assertDeployment();
    const missing = await prepareIndexes();
    if (missing.length > 0) return `indexes are missing (${missing.join(", ")}): run vital-gateway migrate`;
    isOpen = true;
    open();
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

  return {
    whenOpen,
    state,

    /** Returns the same function, but it rejects with `SERVICE_UNAVAILABLE` until the checks have passed once. */
    guard<A extends unknown[], R>(service: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
      return (...args) => {
        if (isOpen) return service(...args);
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
