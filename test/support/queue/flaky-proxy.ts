import { createConnection, createServer, type AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Starts a TCP proxy that can lose connections silently: they stay open, and pass no more data. */
export async function startFlakyProxy(targetUrl: string) {
  const target = new URL(targetUrl);
  let live: { isLost: boolean }[] = [];
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer({ noDelay: true }, (client) => {
    const service = createConnection({ port: Number(target.port), host: target.hostname, noDelay: true });
    const connection = { isLost: false };
    live.push(connection);
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => connection.isLost || to.write(chunk));
      from.on("error", () => undefined);
      from.on("close", () => connection.isLost || to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(targetUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    /** Loses every open connection. New ones work. */
    loseAll(): void {
      for (const connection of live) connection.isLost = true;
      live = [];
    },
  };
}
