import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../src/config/settings-reader.js";
import { findFreePort } from "./ports.js";
import { startSupervisor, type ServerExit, type SupervisedServer, type Supervisor } from "./supervisor.js";

/** Prints one line for the person who started the program. */
export type Print = (line: string) => void;

type ServerDefinition = {
  /** The name in messages. */
  name: string;
  /** Path of the executable. */
  command: string;
  toArguments: (options: { port: number; folder: string }) => readonly string[];
  /** Resolves when the server is ready; rejects when the signal is aborted. */
  waitUntilReady: (port: number, signal: AbortSignal) => Promise<void>;
};

const startTimeoutMs = 20_000;
const portAttempts = 5;

function describeExit({ code, signal, lastLines }: ServerExit): string {
  const how = signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
  return `${how}. Its last lines:\n${lastLines.map((line) => `  ${line}`).join("\n")}`;
}

/** Starts the server and waits until it is ready. When this throws, the server has exited. */
async function launch(
  { name, command, toArguments, waitUntilReady }: ServerDefinition,
  { spawnServer, folder }: Supervisor,
  port: number,
): Promise<SupervisedServer> {
  const server = await spawnServer(command, toArguments({ port, folder }));
  const cancel = new AbortController();
  const { signal } = cancel;
  const failWith = async (reason: Promise<string>) => {
    throw new Error(`${name} did not start: ${await reason}`);
  };
  try {
    await Promise.race([
      waitUntilReady(port, signal),
      failWith(server.exited.then(describeExit)),
      failWith(delay(startTimeoutMs, `it was not ready after ${startTimeoutMs / 1000} s`, { signal })),
    ]);
    return server;
  } catch (error) {
    server.kill("SIGKILL");
    await server.exited;
    throw error;
  } finally {
    cancel.abort();
  }
}

/** Tries another port when another process occupies the port before the server listens on it. */
async function launchOnFreePort(definition: ServerDefinition, supervisor: Supervisor) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    try {
      return { port, server: await launch(definition, supervisor, port) };
    } catch (error) {
      if (attempt < portAttempts && /address already in use/i.test(String(error))) continue;
      await supervisor.stop();
      throw error;
    }
  }
}

/**
 * Runs a real server on a free port of 127.0.0.1, in its own temporary folder. When this
 * process ends, even by SIGKILL, the server ends too and its folder is removed.
 *
 * @throws Error with the server's last lines when it does not start.
 */
export async function startServer(
  definition: ServerDefinition,
  { print, env }: { print: Print; env: Environment },
) {
  const { name } = definition;
  const supervisor = await startSupervisor(env);
  const first = await launchOnFreePort(definition, supervisor);
  const { port } = first;
  let current: SupervisedServer | null = null;
  let isExitExpected = false;

  const setCurrent = (server: SupervisedServer) => {
    current = server;
    isExitExpected = false;
    void server.exited.then((exit) => {
      current = null;
      if (!isExitExpected) print(`${name} exited unexpectedly: ${describeExit(exit)}`);
    });
  };
  const getCurrent = (): SupervisedServer => {
    if (current === null) throw new Error(`${name} is not running.`);
    return current;
  };

  setCurrent(first.server);
  print(`${name} is running on 127.0.0.1:${port}.`);

  return {
    port,
    /** The folder of the server's data. */
    folder: supervisor.folder,

    /** The server's process id; `null` while it is down. */
    get pid(): number | null {
      return current?.pid ?? null;
    },

    /** Sends a signal that ends the server, and resolves when it has exited. */
    async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
      const server = getCurrent();
      isExitExpected = true;
      server.kill(signal);
      await server.exited;
    },

    /** Starts the server again after `kill`, with the same port and the same data. */
    async start(): Promise<void> {
      if (current !== null) throw new Error(`${name} is already running.`);
      setCurrent(await launch(definition, supervisor, port));
    },

    /** Freezes the server: connections stay open, but it does not respond. */
    pause: () => {
      getCurrent().kill("SIGSTOP");
    },
    resume: () => {
      getCurrent().kill("SIGCONT");
    },

    /** Ends the server and removes its folder. May be called more than once. */
    async stop(): Promise<void> {
      isExitExpected = true;
      await supervisor.stop();
    },
  };
}

export type EmbeddedServer = Awaited<ReturnType<typeof startServer>>;
