import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const host = "127.0.0.1";

/**
 * Finds a port of 127.0.0.1 that nobody listens on.
 *
 * It lies below the range from which the kernel takes the ports of outgoing connections (32768 and up on Linux,
 * 49152 and up elsewhere). A server that is down for a while would else find its port taken by one of its own
 * clients, or a client that knocks at the closed port would end up talking to itself.
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
      // Taken: try another one.
    } finally {
      server.close();
    }
  }
}

/** Sends a text to a port and gives the first thing that comes back, or `null` when there is no answer in a second. */
async function sendAndReceive(port: number, text: string): Promise<string | null> {
  const socket = createConnection({ port, host, timeout: 1000 });
  socket.on("timeout", () => socket.destroy(new Error("no answer")));
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
 * Resolves when something on the port answers as `isReady` wants it; without a text to send, when it takes a
 * connection. Asks every few milliseconds until the signal says stop, and then rejects.
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
