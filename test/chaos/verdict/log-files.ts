import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const LogLine = z.object({ level: z.string(), msg: z.string(), reason: z.string().optional() });

export type LogFindings = {
  /** Counts of warnings and errors by message and kind of reason, for the report. */
  messages: Map<string, number>;
  /** Number of errors that no fault of a run explains. */
  unexpectedErrors: number;
  /** Lines that are not in the logger's format: usually the output of a process that crashed. */
  strayLines: string[];
  /** Number of lines that contain something secret. */
  secretLines: number;
};

/**
 * The messages at level `error` that faults of a run cause. An error with any other message, such as a new or changed one,
 * fails the run. A test checks that the product logs these messages.
 */
export const expectedErrors: readonly string[] = [
  "Vital rejects VITAL_API_KEY; provisioning resumes when it is accepted",
  "worker still stalled after restarts; shutting down",
];

/** A signed token from any issuer. */
const tokenPattern = /eyJ[\w-]{20,}/;

/**
 * When a demoted Redis rejects many commands at once, ioredis closes the connection once for each command, and Node.js prints
 * a warning. The connection is closed correctly.
 */
const harmlessLine =
  /^\(node:\d+\) MaxListenersExceededWarning: .* close listeners added to \[Socket\]|^\(Use `node /;

/** How much of a stray line the report shows: enough to find its origin. */
const maxShownCharacters = 700;

/** Splits into lines; a warning or an error with its stack is one line. */
const toLines = (text: string): string[] => text.replace(/\n\s+at /g, " at ").split("\n");

/** Reasons that differ only in numbers and addresses, or after their first 60 characters, are of one kind. */
const toKind = (reason: string): string =>
  (reason.length > 60 ? `${reason.slice(0, 60)}…` : reason).replace(/\d+/g, "#");

function parseLogLine(line: string) {
  try {
    return LogLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function addLine(line: string, findings: LogFindings): void {
  const parsed = parseLogLine(line);
  if (parsed === undefined) {
    if (!harmlessLine.test(line)) findings.strayLines.push(line.slice(0, maxShownCharacters));
    return;
  }
  const { level, msg, reason } = parsed;
  if (level === "info" || level === "debug") return;
  const key = reason === undefined ? `${level}: ${msg}` : `${level}: ${msg}: ${toKind(reason)}`;
  findings.messages.set(key, (findings.messages.get(key) ?? 0) + 1);
  if (level !== "warn" && !expectedErrors.includes(msg)) findings.unexpectedErrors += 1;
}

/** Reads the log files of the processes. Files that do not exist are skipped. */
export function readLogFiles(paths: readonly string[], secrets: readonly string[]): LogFindings {
  const findings: LogFindings = { messages: new Map(), unexpectedErrors: 0, strayLines: [], secretLines: 0 };
  for (const path of paths.filter((name) => existsSync(name))) {
    for (const line of toLines(readFileSync(path, "utf8"))) {
      if (line === "") continue;
      addLine(line, findings);
      if (tokenPattern.test(line) || secrets.some((secret) => line.includes(secret)))
        findings.secretLines += 1;
    }
  }
  return findings;
}
