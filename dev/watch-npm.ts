import { readFileSync } from "node:fs";

const checkEveryMs = 300;
/** At most a shell and a wrapper run between npm and a script. */
const maxGenerations = 4;

type ProcessStat = { name: string; state: string; parentPid: number; startedAtTicks: string };

/** Reads Linux's `/proc/<pid>/stat` (proc(5)). Returns `null` when the process no longer exists, and on other systems. */
function readStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name is in parentheses and may contain any character.
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    const name = text.slice(text.indexOf("(") + 1, end);
    return {
      name,
      state: fields[0] ?? "",
      parentPid: Number(fields[1]),
      startedAtTicks: fields[19] ?? "",
    };
  } catch {
    return null;
  }
}

type Ancestor = { pid: number; startedAtTicks: string };

/** Lists the processes from the parent of this one up to npm. Returns an empty list when npm is not among them. */
function listAncestorsUpToNpm(): Ancestor[] {
  const ancestors: Ancestor[] = [];
  let pid = process.ppid;
  for (let generation = 0; generation < maxGenerations; generation += 1) {
    const stat = readStat(pid);
    if (stat === null) return [];
    ancestors.push({ pid, startedAtTicks: stat.startedAtTicks });
    if (stat.name.startsWith("npm")) return ancestors;
    pid = stat.parentPid;
  }
  return [];
}

function isAlive({ pid, startedAtTicks }: Ancestor): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.state !== "Z" && stat.startedAtTicks === startedAtTicks;
}

/**
 * Calls `onEnded` when npm, or a process between npm and this one, has ended. A shell that is killed does not end its
 * children: without this watch, killing `npm run` would leave everything running.
 *
 * Does nothing in a process that npm did not start.
 */
export function watchNpm(env: NodeJS.ProcessEnv, onEnded: () => void): { close(): void } {
  if (env.npm_lifecycle_event === undefined) return { close: () => undefined };
  const parentPid = process.ppid;
  const ancestors = listAncestorsUpToNpm();
  const timer = setInterval(() => {
    if (process.ppid === parentPid && ancestors.every(isAlive)) return;
    clearInterval(timer);
    onEnded();
  }, checkEveryMs);
  timer.unref();
  return {
    close: () => {
      clearInterval(timer);
    },
  };
}
