import type { Environment } from "../../src/config/settings-reader.js";
import { getRedisBinary } from "./binaries.js";
import { waitForResponse } from "./ports.js";
import { startServer, type EmbeddedServer, type Print } from "./server.js";

/** The queue requires no eviction and an append-only file. The number of databases is high because tests use one each. */
const toArguments = ({ port, folder }: { port: number; folder: string }) => [
  ...["--port", String(port), "--bind", "127.0.0.1", "--protected-mode", "yes", "--dir", folder],
  ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
  ...["--maxmemory-policy", "noeviction", "--databases", "512"],
];

/** A running redis-server that tests can kill, pause and restart. */
export type EmbeddedRedis = EmbeddedServer & { url: string };

/**
 * Runs a real `redis-server`. Finds or fetches it first, and prints one line for each step.
 *
 * @returns the server and its URL.
 * @throws Error that says what to install or which variable to set when no server is available.
 */
export async function startEmbeddedRedis(options: {
  print: Print;
  env: Environment;
  /** Further arguments of `redis-server`. */
  args?: readonly string[];
}): Promise<EmbeddedRedis> {
  const command = await getRedisBinary(options);
  const server = await startServer(
    {
      name: "Redis",
      command,
      toArguments: (address) => [...toArguments(address), ...(options.args ?? [])],
      // While Redis loads its file, it responds with LOADING.
      waitUntilReady: (port, signal) =>
        waitForResponse(port, signal, {
          text: "PING\r\n",
          isReady: (response) => response.startsWith("+PONG"),
        }),
    },
    options,
  );
  return Object.assign(server, { url: `redis://127.0.0.1:${server.port}` });
}
