import { execFileSync } from "node:child_process";

const lookEveryMs = 500;
/** The script's shell and the runner of TypeScript are between npm and this process. */
const maxBetween = 4;

type Ancestor = { pid: number; parent: number; command: string };

/** As `ps` knows it; `null` where there is no `ps`, or no such process. */
function findProcess(pid: number): Ancestor | null {
  try {
    const line = execFileSync("ps", ["-o", "ppid=,args=", "-p", String(pid)], { encoding: "utf8" });
    const [, parent = "", command = ""] = /^\s*(\d+)\s+(.*)/.exec(line) ?? [];
    return parent === "" ? null : { pid, parent: Number(parent), command };
  } catch {
    return null;
  }
}

/** This process's parent, and where npm has started it, all up to npm: any of them may be killed and the others not. */
function listStarters(): number[] {
  const starters: number[] = [process.ppid];
  if (process.env.npm_lifecycle_event === undefined) return starters;
  for (let next = findProcess(process.ppid); next !== null; next = findProcess(next.parent)) {
    if (next.pid !== process.ppid) starters.push(next.pid);
    if (/^npm\b|npm-cli/.test(next.command)) return starters;
    if (starters.length > maxBetween) break;
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
 * Ends this process soon after those that have started it: nobody waits for the result any more, and no signal comes
 * from a parent that was killed.
 */
export function endWithParent(): void {
  const parent = process.ppid;
  const starters = listStarters();
  setInterval(() => {
    if (process.ppid !== parent || !starters.every(isAlive)) process.exit(130);
  }, lookEveryMs).unref();
}
