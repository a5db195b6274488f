/** The fields of a JSON log line; anything else that a process prints is a line with a message alone. */
export type LogLine = { level?: string; msg: string; [field: string]: unknown };

/** Fields that say the same in every line, or more than a person wants to read. */
const omittedFields = new Set(["level", "msg", "time", "process", "pid", "hostname"]);

export function parseLogLine(text: string): LogLine {
  try {
    const fields = JSON.parse(text) as unknown;
    if (typeof fields === "object" && fields !== null && "msg" in fields) return fields as LogLine;
  } catch {
    // Not JSON: what a runtime prints when a process cannot even start.
  }
  return { msg: text };
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  const isError = typeof value === "object" && value !== null && "message" in value;
  return isError ? String(value.message) : JSON.stringify(value);
}

/** A log line for a person: level, phrase and fields, an error as its message alone. */
export function toReadableLine(text: string): string {
  const { level, msg, ...fields } = parseLogLine(text);
  const details = Object.entries(fields)
    .filter(([name]) => !omittedFields.has(name))
    .map(([name, value]) => `${name}=${toText(value)}`);
  return [level?.padEnd(5), msg, ...details].filter((part) => part !== undefined).join(" ");
}

/** A stack trace is for whoever mends the code. */
export const isStackFrame = (text: string): boolean => /^\s+at /.test(text);
