import { createServer } from "node:http";
import { createConnection, type AddressInfo, type Socket } from "node:net";

type ProxyBehavior = "tunnel" | "hang" | "close" | number;

/**
 * Starts a forward proxy that opens tunnels (RFC 9110 §9.3.6) and records the authorities that clients ask for. With
 * `credentials`, it responds with 407 to other clients. A number as the behavior is the status of its refusals.
 */
export async function startConnectProxy({ credentials }: { credentials?: string } = {}) {
  const tunnels: string[] = [];
  const control = { behavior: "tunnel" as ProxyBehavior, connections: 0, requests: [] as string[] };
  const sockets = new Set<Socket>();
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;

  const server = createServer((request, response) => {
    control.requests.push(request.url ?? "");
    response.writeHead(405).end();
  });
  server.on("connection", (socket) => {
    control.connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    if (control.behavior === "close") socket.destroy();
  });
  server.on("connect", (request, client: Socket) => {
    const { behavior } = control;
    if (behavior === "hang") {
      client.resume().on("end", () => client.destroy());
      return;
    }
    const isKnown = expected === undefined || request.headers["proxy-authorization"] === expected;
    const status = isKnown ? behavior : 407;
    if (typeof status === "number") {
      client.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const authority = request.url ?? "";
    tunnels.push(authority);
    const { hostname, port } = new URL(`http://${authority}`);
    const upstream = createConnection({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) });
    sockets.add(upstream);
    upstream.on("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const authority = `${credentials === undefined ? "" : `${credentials.split(":").map(encodeURIComponent).join(":")}@`}127.0.0.1:${port}`;
  /** Connections of clients that are open. */
  const openConnections = () => [...sockets].filter((socket) => !socket.destroyed).length;
  return {
    url: `http://${authority}`,
    origin: `http://127.0.0.1:${port}`,
    tunnels,
    control,
    openConnections,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
