import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Started, Usage } from "./control.js";

export type Core = 0 | 1;

/** Where `taskset` is there and there are two cores, a process stays on the one that it is given. */
const canPin = spawnSync("taskset", ["-c", "0,1", "true"]).status === 0;

/** Starts a script as a process with an IPC channel, and waits until it says that it has started. */
export async function startMeasured(
  script: string,
  environment: Record<string, string>,
  core: Core,
  flags: string[] = [],
) {
  const [command, prefix] = canPin
    ? ["taskset", ["-c", String(core), process.execPath]]
    : [process.execPath, []];
  const child = spawn(command, [...prefix, ...flags, script], {
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", ...environment },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${script} ended with ${String(code)}`);
  });
  ended.catch(() => undefined);

  async function ask<T>(message: object): Promise<T> {
    const answered = once(child, "message") as Promise<[T]>;
    child.send(message);
    const [answer] = await Promise.race([answered, ended]);
    return answer;
  }

  const [started] = await Promise.race([once(child, "message") as Promise<[Started]>, ended]);
  return {
    url: started.url,
    ask,
    usage: () => ask<Usage>({ type: "usage" }),
    async stop(): Promise<void> {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export type MeasuredProcess = Awaited<ReturnType<typeof startMeasured>>;
