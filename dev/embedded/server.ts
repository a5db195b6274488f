import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../src/config/settings-reader.js";
import { findFreePort } from "./ports.js";
import { startSupervisor, type ServerExit, type SupervisedServer, type Supervisor } from "./supervisor.js";

/** Takes one line for the person who started the program. */
export type Print = (line: string) => void;

export type ServerDefinition = {
  /** What people call it. */
  name: string;
  /** Path of the executable. */
  command: string;
  toArguments: (place: { port: number; folder: string }) => readonly string[];
  /** Resolves when the server takes work; gives up when the signal says so. */
  waitUntilReady: (port: number, signal: AbortSignal) => Promise<void>;
};

const startTimeoutMs = 20_000;
const portAttempts = 5;

function describeExit({ code, signal, lastLines }: ServerExit): string {
  const how = signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
  return `${how}. Its last lines:\n${lastLines.map((line) => `  ${line}`).join("\n")}`;
}

/** Starts the server and waits until it takes work; one that fails to is gone when this throws. */
async function launch(
  { name, command, toArguments, waitUntilReady }: ServerDefinition,
  { spawnServer, folder }: Supervisor,
  port: number,
): Promise<SupervisedServer> {
  const server = await spawnServer(command, toArguments({ port, folder }));
  const cancel = new AbortController();
  const { signal } = cancel;
  const failBecause = async (reason: Promise<string>) => {
    throw new Error(`${name} did not start: ${await reason}`);
  };
  try {
    await Promise.race([
      waitUntilReady(port, signal),
      failBecause(server.exited.then(describeExit)),
      failBecause(delay(startTimeoutMs, `it is not ready after ${startTimeoutMs / 1000} s`, { signal })),
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

/** Between the search for a free port and its use somebody else may take it. */
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
 * Runs a real server on a free port of 127.0.0.1, in a temporary folder of its own. It ends with this process,
 * however that ends; the folder goes with it.
 *
 * @throws Error with the server's last lines when it does not come up.
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
  let isEndExpected = false;

  const adopt = (server: SupervisedServer) => {
    current = server;
    isEndExpected = false;
    void server.exited.then((exit) => {
      current = null;
      if (!isEndExpected) print(`${name} ended by itself: ${describeExit(exit)}`);
    });
  };
  const getCurrent = (): SupervisedServer => {
    if (current === null) throw new Error(`${name} is not running.`);
    return current;
  };

  adopt(first.server);
  print(`${name} is up on 127.0.0.1:${port}.`);

  return {
    port,
    /** Where its data is. */
    folder: supervisor.folder,

    /** The server's own process id; `null` while it is down. */
    get pid(): number | null {
      return current?.pid ?? null;
    },

    /** Sends a signal that ends the server, and resolves when it is gone. */
    async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
      const server = getCurrent();
      isEndExpected = true;
      server.kill(signal);
      await server.exited;
    },

    /** Starts it again after `kill`: the same port, the same data. */
    async start(): Promise<void> {
      if (current !== null) throw new Error(`${name} is already running.`);
      adopt(await launch(definition, supervisor, port));
    },

    /** Freezes it: connections stay open, nothing answers. */
    pause: () => {
      getCurrent().kill("SIGSTOP");
    },
    resume: () => {
      getCurrent().kill("SIGCONT");
    },

    /** Ends it and removes its folder. May be called more than once. */
    async stop(): Promise<void> {
      isEndExpected = true;
      await supervisor.stop();
    },
  };
}

export type EmbeddedServer = Awaited<ReturnType<typeof startServer>>;
