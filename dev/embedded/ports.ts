import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const host = "127.0.0.1";

/**
 * Finds a free port on 127.0.0.1.
 *
 * The port is below the range that the kernel uses for outgoing connections (32768 and up on Linux, 49152 and up
 * elsewhere). Otherwise, while a server is down, one of its own clients could occupy its port, or a client that connects
 * to the closed port could connect to itself.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    try {
      server.listen(port, host);
      await once(server, "listening");
      return port;
    } catch {
      // The port is in use: try another one.
    } finally {
      server.close();
    }
  }
}

/**
 * Sends a text to a port. Returns the first chunk of the response, or `null` when the port does not respond within a
 * second. An empty text only tests whether the port accepts a connection.
 */
async function sendAndReceive(port: number, text: string): Promise<string | null> {
  const socket = createConnection({ port, host, timeout: 1000 });
  socket.on("timeout", () => socket.destroy(new Error("no response")));
  try {
    await once(socket, "connect");
    if (text === "") return "";
    socket.write(text);
    const [response] = (await once(socket, "data")) as [Buffer];
    return response.toString();
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

/**
 * Resolves when the server on the port sends a response that `isReady` accepts. Without a text to send, resolves when the
 * port accepts a connection. Tries every few milliseconds, and rejects when the signal is aborted.
 */
export async function waitForResponse(
  port: number,
  signal: AbortSignal,
  { text = "", isReady = () => true }: { text?: string; isReady?: (response: string) => boolean } = {},
): Promise<void> {
  for (;;) {
    const response = await sendAndReceive(port, text);
    if (response !== null && isReady(response)) return;
    await delay(10, undefined, { signal });
  }
}
