import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { findFreePort } from "../../../dev/embedded/ports.js";

export type ProxyState =
  /** Forwards everything. */
  | "open"
  /** Breaks existing and new connections. */
  | "broken"
  /** Keeps connections and accepts new ones, but forwards no data until the state is `open` again. */
  | "stalled";

/**
 * Starts a TCP proxy between one process and one service, so that the connection can be cut for that process alone.
 *
 * @returns the port to connect to, `set` to change the state, and `close`
 */
export async function startTcpProxy(targetPort: number) {
  const pairs = new Set<readonly [Socket, Socket]>();
  const waiting = new Set<Socket>();
  let state: ProxyState = "open";

  function forward(from: Socket, to: Socket): void {
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => {
        if (state !== "stalled") from.resume();
      });
    });
    from.on("end", () => {
      to.end();
    });
    from.on("error", () => {
      to.destroy();
    });
    from.on("close", () => {
      to.destroySoon();
    });
  }

  function connect(client: Socket): void {
    const service = createConnection({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair = [client, service] as const;
    pairs.add(pair);
    service.on("close", () => pairs.delete(pair));
    forward(client, service);
    forward(service, client);
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on("error", () => undefined);
    if (state === "open") connect(client);
    else if (state === "broken") client.resetAndDestroy();
    else {
      client.pause();
      waiting.add(client);
    }
  });
  const port = await findFreePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  function destroyAll(): void {
    for (const sockets of [...pairs, waiting]) for (const socket of sockets) socket.destroy();
    waiting.clear();
  }

  function set(next: ProxyState): void {
    state = next;
    if (next === "broken") destroyAll();
    if (next === "stalled") for (const socket of [...pairs].flat()) socket.pause();
    if (next !== "open") return;
    for (const client of waiting) connect(client);
    waiting.clear();
    for (const socket of [...pairs].flat()) socket.resume();
  }

  return {
    port,
    set,
    async close(): Promise<void> {
      destroyAll();
      server.close();
      await once(server, "close");
    },
  };
}

export type TcpProxy = Awaited<ReturnType<typeof startTcpProxy>>;
