import type { Readiness } from "../http/health.js";

/** How often the store is looked at, milliseconds. */
const checkEveryMs = 2_000;

/**
 * Follows whether the process can do its work: MongoDB answers, the mappings belong to our key's environment and
 * region, the indexes exist. `whenOpen` resolves when all of it has been true once; from then on the services may be
 * used, and fail by themselves while MongoDB is away.
 */
export function startReadiness({
  whenConnected,
  assertDeployment,
  prepareIndexes,
  ping,
  onFatal,
  isStopping,
}: {
  whenConnected: Promise<void>;
  /** Throws what must end the process. */
  assertDeployment: () => Promise<void>;
  /** Creates the indexes of an empty collection; gives the names of those that are missing. */
  prepareIndexes: () => Promise<readonly string[]>;
  ping: () => Promise<void>;
  /** Whether an error ends the process; when it does, it is dealt with there. */
  onFatal: (error: unknown) => boolean;
  isStopping: () => boolean;
}) {
  let reason: string | null = "MongoDB has not answered yet";
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
      reason = await findProblem();
    } catch (error) {
      if (onFatal(error)) return;
      reason = "MongoDB does not answer";
    }

    if (!isClosed) timer = setTimeout(() => void check(), reason === null ? checkEveryMs : checkEveryMs / 4);
  }

  void whenConnected.then(check);

  return {
    whenOpen,
    isOpen: () => isOpen,
    state(): Readiness {
      if (isStopping()) return { ready: false, reason: "the process is stopping" };
      return reason === null ? { ready: true } : { ready: false, reason };
    },
    close(): void {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
