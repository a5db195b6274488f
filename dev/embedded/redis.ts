import type { Environment } from "../../src/config/settings-reader.js";
import { getRedisBinary } from "./binaries.js";
import { waitForResponse } from "./ports.js";
import { startServer, type EmbeddedServer, type Print } from "./server.js";

/** As the queue wants it: nothing evicted, everything in the append-only file. Many databases, one for each test. */
const toArguments = ({ port, folder }: { port: number; folder: string }) => [
  ...["--port", String(port), "--bind", "127.0.0.1", "--protected-mode", "yes", "--dir", folder],
  ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
  ...["--maxmemory-policy", "noeviction", "--databases", "512"],
];

/** A running redis-server of our own, with controls to hurt it. */
export type EmbeddedRedis = EmbeddedServer & { url: string };

/**
 * Runs a real `redis-server`. It is found or fetched first; each step is said in one line.
 *
 * @returns its controls and its URL.
 * @throws Error that names what to install or which variable to set when there is no server to be had.
 */
export async function startEmbeddedRedis(options: {
  print: Print;
  env: Environment;
}): Promise<EmbeddedRedis> {
  const command = await getRedisBinary(options);
  const server = await startServer(
    {
      name: "Redis",
      command,
      toArguments,
      // While it reads its file it answers with LOADING.
      waitUntilReady: (port, signal) =>
        waitForResponse(port, signal, { text: "PING\r\n", isReady: (answer) => answer.startsWith("+PONG") }),
    },
    options,
  );
  return Object.assign(server, { url: `redis://127.0.0.1:${server.port}` });
}
