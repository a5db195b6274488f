import type { Logger } from "../../src/telemetry/logger.js";

export type LogLine = { level: keyof Logger; phrase: string; fields: Record<string, unknown> };

/** A logger that keeps its lines, in order. */
export function createRecordingLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const record = (level: keyof Logger) => (fields: object, phrase: string) =>
    void lines.push({ level, phrase, fields: { ...fields } });
  const log = {
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
  };
  return { log, lines };
}

const ignore = () => undefined;

/** A logger for tests that do not check the log. */
export const silentLog: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
