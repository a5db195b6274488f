import { isStackFrame, toReadableLine } from "./log-lines.js";
import { startProcess, type RunningProcess } from "./child-process.js";

/** A process that has not stopped after this time is killed: in development, a quick restart matters more than a graceful stop. */
const stopTimeoutMs = 3_000;

/**
 * Runs a process that can be restarted. A process that exits by itself, for example after a syntax error, starts again
 * on the next `restart`. Every line that it prints is passed to `print` in a readable format, prefixed with its name.
 */
export function startRestartable({
  name,
  args,
  env,
  print,
}: {
  name: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  print: (line: string) => void;
}) {
  const printLine = (text: string) => {
    print(`${name.padEnd(9)} │ ${text}`);
  };
  let isStopping = false;
  let isRestartRequested = false;
  let restarting: Promise<void> | null = null;
  let current = start();

  function start(): RunningProcess {
    const onLine = (line: string) => {
      if (!isStackFrame(line)) printLine(toReadableLine(line));
    };
    const started = startProcess({ name, args, env, onLine });
    void started.exited.then(({ code, signal }) => {
      const isExpected = isStopping || restarting !== null;
      if (!isExpected)
        printLine(`exited (${signal ?? `exit code ${String(code)}`}); save a file to restart it`);
    });
    return started;
  }

  async function restartWhileRequested(): Promise<void> {
    while (isRestartRequested) {
      isRestartRequested = false;
      await current.stop(stopTimeoutMs);
      printLine("restarting");
      current = start();
    }
  }

  return {
    restart(): void {
      isRestartRequested = !isStopping;
      restarting ??= restartWhileRequested().finally(() => {
        restarting = null;
      });
    },
    async stop(): Promise<void> {
      isStopping = true;
      isRestartRequested = false;
      await restarting;
      await current.stop(stopTimeoutMs);
    },
  };
}

export type RestartableProcess = ReturnType<typeof startRestartable>;
