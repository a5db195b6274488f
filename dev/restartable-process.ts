import { isStackFrame, toReadableLine } from "./log-lines.js";
import { startProcess, type RunningProcess } from "./child-process.js";

/** A process that does not stop by then is killed: in development a quick restart is worth more, milliseconds. */
const stopTimeoutMs = 3_000;

/**
 * Runs a process and, when asked, runs it anew. One that ends by itself, as after a typing mistake, is started again
 * by the next save. Every line that it prints is passed on for a person, with its name in front.
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
  const say = (text: string) => {
    print(`${name.padEnd(9)} │ ${text}`);
  };
  let isStopping = false;
  let isRestartWanted = false;
  let restarting: Promise<void> | null = null;
  let current = start();

  function start(): RunningProcess {
    const onLine = (line: string) => {
      if (!isStackFrame(line)) say(toReadableLine(line));
    };
    const started = startProcess({ name, args, env, onLine });
    void started.exited.then(({ code, signal }) => {
      const isExpected = isStopping || restarting !== null;
      if (!isExpected) say(`ended (${signal ?? `exit code ${String(code)}`}); save a file to start it again`);
    });
    return started;
  }

  async function restartWhileWanted(): Promise<void> {
    while (isRestartWanted) {
      isRestartWanted = false;
      await current.stop(stopTimeoutMs);
      say("starting again");
      current = start();
    }
  }

  return {
    restart(): void {
      isRestartWanted = !isStopping;
      restarting ??= restartWhileWanted().finally(() => {
        restarting = null;
      });
    },
    async stop(): Promise<void> {
      isStopping = true;
      isRestartWanted = false;
      await restarting;
      await current.stop(stopTimeoutMs);
    },
  };
}

export type RestartableProcess = ReturnType<typeof startRestartable>;
