import { execFileSync } from "node:child_process";

const checkEveryMs = 500;
/** The shell of the npm script and the TypeScript runner run between npm and this process. */
const maxBetween = 4;

type ProcessInfo = { pid: number; parent: number; command: string };

/** Looks up a process with `ps`. Returns `null` if there is no `ps` or no such process. */
function findProcess(pid: number): ProcessInfo | null {
  try {
    const line = execFileSync("ps", ["-o", "ppid=,args=", "-p", String(pid)], { encoding: "utf8" });
    const [, parent = "", command = ""] = /^\s*(\d+)\s+(.*)/.exec(line) ?? [];
    return parent === "" ? null : { pid, parent: Number(parent), command };
  } catch {
    return null;
  }
}

/**
 * Returns the parent of this process. If npm started it, returns all ancestors up to npm, because any one of them may be
 * killed without the others.
 */
function listAncestors(): number[] {
  const ancestors: number[] = [process.ppid];
  if (process.env.npm_lifecycle_event === undefined) return ancestors;
  for (let next = findProcess(process.ppid); next !== null; next = findProcess(next.parent)) {
    if (next.pid !== process.ppid) ancestors.push(next.pid);
    if (/^npm\b|npm-cli/.test(next.command)) return ancestors;
    if (ancestors.length > maxBetween) break;
  }
  return [process.ppid];
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Ends this process soon after one of its ancestors has ended: the result is no longer needed, and a parent that was
 * killed sends no signal.
 */
export function endWithParent(): void {
  const parent = process.ppid;
  const ancestors = listAncestors();
  setInterval(() => {
    if (process.ppid !== parent || !ancestors.every(isAlive)) process.exit(130);
  }, checkEveryMs).unref();
}
