import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const Line = z.object({ level: z.string(), msg: z.string(), reason: z.string().optional() });

export type LogFindings = {
  /** Warnings and errors by their phrase and kind of reason, for the table. */
  phrases: Map<string, number>;
  /** Lines that are not of the logger's form: the last words of a process that crashed. */
  strayLines: string[];
  /** Lines with something in them that must not be logged. */
  secretLines: number;
};

/** Phrases that say that something was thrown that nobody had foreseen. */
const bugPhrase = /^unexpected error|^a job failed/;

/** A signed token, whoever made it. */
const tokenForm = /eyJ[\w-]{20,}/;

/**
 * Node.js counts what ioredis does when a demoted master refuses many commands at once: it closes the connection once
 * for each of them. It is closed all the same.
 */
const harmless =
  /^\(node:\d+\) MaxListenersExceededWarning: .* close listeners added to \[Socket\]|^\(Use `node /;

/** As much of a stray line as helps to find where it comes from. */
const maxShown = 700;

/** A warning or an error with its stack is one line. */
const toLines = (text: string): string[] => text.replace(/\n\s+at /g, " at ").split("\n");

/** Reasons that differ in numbers and addresses only are of one kind. */
const toKind = (reason: string): string => reason.slice(0, 60).replace(/\d+/g, "#");

function readLine(line: string, findings: LogFindings): void {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = null;
  }
  const parsed = Line.safeParse(value);
  if (!parsed.success) {
    if (!harmless.test(line)) findings.strayLines.push(line.slice(0, maxShown));
    return;
  }
  const { level, msg, reason } = parsed.data;
  if (level === "info" || level === "debug") return;
  const key = reason === undefined ? `${level}: ${msg}` : `${level}: ${msg}: ${toKind(reason)}`;
  findings.phrases.set(key, (findings.phrases.get(key) ?? 0) + 1);
}

/** Reads what the processes wrote. */
export function readLogFiles(paths: readonly string[], secrets: readonly string[]): LogFindings {
  const findings: LogFindings = { phrases: new Map(), strayLines: [], secretLines: 0 };
  for (const path of paths.filter((name) => existsSync(name))) {
    for (const line of toLines(readFileSync(path, "utf8"))) {
      if (line === "") continue;
      readLine(line, findings);
      if (tokenForm.test(line) || secrets.some((secret) => line.includes(secret))) findings.secretLines += 1;
    }
  }
  return findings;
}

/** How often something was logged as a bug. */
export const countBugs = ({ phrases }: LogFindings): number =>
  [...phrases].reduce(
    (sum, [phrase, count]) => sum + (bugPhrase.test(phrase.replace(/^\w+: /, "")) ? count : 0),
    0,
  );
