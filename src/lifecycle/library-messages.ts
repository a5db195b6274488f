import { format } from "node:util";
import type { Logger } from "../telemetry/logger.js";

/** Two texts with the same beginning are the same message, for example about another server. */
const keyLength = 60;
const maxLength = 300;
const quietMs = 5 * 60_000;
/** Bounds the memory. Libraries have far fewer messages. */
const maxMessages = 100;

/**
 * Sends what libraries print on the console to the log, as one warning for each message in five minutes. Only the first
 * line of a text is logged: the others are a stack.
 *
 * @param getLog returns the log, or `undefined` while the process has none; texts wait for it
 * @returns a function that writes the texts that have waited
 */
export function logLibraryMessages(getLog: () => Logger | undefined): () => void {
  const loggedAtMs = new Map<string, number>();
  const waiting: string[] = [];

  function write(log: Logger, text: string): void {
    const key = text.slice(0, keyLength);
    const nowMs = Date.now();
    if (nowMs - (loggedAtMs.get(key) ?? -Infinity) < quietMs) return;
    if (loggedAtMs.size >= maxMessages) loggedAtMs.clear();
    loggedAtMs.set(key, nowMs);
    log.warn({ reason: text }, "a library reports a problem");
  }

  function onPrint(...values: unknown[]): void {
    const [text = ""] = format(...values)
      .slice(0, maxLength)
      .split("\n");
    const log = getLog();
    if (log !== undefined) write(log, text);
    else if (waiting.length < maxMessages) waiting.push(text);
  }

  Object.assign(console, { warn: onPrint, error: onPrint });
  return () => {
    const log = getLog();
    if (log !== undefined) for (const text of waiting.splice(0)) write(log, text);
  };
}
