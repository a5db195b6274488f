/** The fields of a JSON log line. Output that is not JSON becomes a line with only a message. */
export type LogLine = { level?: string; msg: string; [field: string]: unknown };

/** Fields that are the same in every line, or that do not help a reader. */
const omittedFields = new Set(["level", "msg", "time", "process", "pid", "hostname"]);

export function parseLogLine(text: string): LogLine {
  try {
    const fields = JSON.parse(text) as unknown;
    if (typeof fields === "object" && fields !== null && "msg" in fields) return fields as LogLine;
  } catch {
    // Not JSON: for example what Node.js prints when a process cannot start.
  }
  return { msg: text };
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  const isError = typeof value === "object" && value !== null && "message" in value;
  return isError ? String(value.message) : JSON.stringify(value);
}

/** Returns a log line in a readable format: level, message and fields. An error is shown by its message only. */
export function toReadableLine(text: string): string {
  const { level, msg, ...fields } = parseLogLine(text);
  const details = Object.entries(fields)
    .filter(([name]) => !omittedFields.has(name))
    .map(([name, value]) => `${name}=${toText(value)}`);
  return [level?.padEnd(5), msg, ...details].filter((part) => part !== undefined).join(" ");
}

/** Recognizes the lines of a stack trace, which the readable output omits. */
export const isStackFrame = (text: string): boolean => /^\s+at /.test(text);
