import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Started, Usage } from "./control.js";

type Core = 0 | 1;

/** With `taskset` and two cores, each process is pinned to the given core. */
const canPin = spawnSync("taskset", ["-c", "0,1", "true"]).status === 0;

/** Starts a script as a process with an IPC channel, and waits until it reports that it has started. */
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
    throw new Error(`${script} exited with code ${String(code)}`);
  });
  ended.catch(() => undefined);

  async function request<T>(message: object): Promise<T> {
    const responded = once(child, "message") as Promise<[T]>;
    child.send(message);
    const [response] = await Promise.race([responded, ended]);
    return response;
  }

  const [started] = await Promise.race([once(child, "message") as Promise<[Started]>, ended]);
  return {
    url: started.url,
    request,
    usage: () => request<Usage>({ type: "usage" }),
    async stop(): Promise<void> {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export type MeasuredProcess = Awaited<ReturnType<typeof startMeasured>>;
