/** The first words of Redis's errors that say that a command is refused now, but may be accepted later. */
const refusals =
  /^(?:NOPERM|NOAUTH|WRONGPASS|MOVED|ASK|CROSSSLOT|CLUSTERDOWN|TRYAGAIN|READONLY|NOREPLICAS|MASTERDOWN|LOADING|OOM|MISCONF|BUSY|UNBLOCKED|NOTBUSY|ERR)\b/;

/** The errors of the commands in a transaction, which ioredis attaches to the error of EXEC. */
const listCauses = (error: Error & { previousErrors?: unknown }): Error[] =>
  Array.isArray(error.previousErrors)
    ? error.previousErrors.filter((cause): cause is Error => cause instanceof Error)
    : [];

/**
 * Returns the error that says why Redis refused a command. A transaction is discarded with "EXECABORT", which names no
 * reason; the command that failed does.
 */
export const toRedisCause = (error: unknown): unknown =>
  error instanceof Error ? (listCauses(error)[0] ?? error) : error;

/** Whether Redis itself refused the command, in contrast to a lost connection or a bug. */
export const isRefusal = (error: Error): boolean =>
  error.name === "ReplyError" ||
  error.message.startsWith("Redis version needs to be") ||
  refusals.test(error.message);

/** Whether Redis refused INFO, which BullMQ needs only to find out the version. */
export const isInfoRefused = (error: Error): boolean => /^NOPERM\b.*\binfo\b/i.test(error.message);
