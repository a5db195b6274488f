import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** How Vital treats every call about a poisoned user. */
export const poisons = {
  "no such path": (response: ServerResponse) => {
    response.writeHead(404, { "content-type": "application/json" }).end('{"detail":"Not Found"}');
  },
  "status 500": (response: ServerResponse) => {
    response.writeHead(500, { "content-type": "text/plain" }).end("Internal Server Error");
  },
  "status 503": (response: ServerResponse) => {
    response.writeHead(503, { "content-type": "text/plain" }).end("upstream unavailable");
  },
  "status 403": (response: ServerResponse) => {
    response.writeHead(403, { "content-type": "application/json" }).end('{"detail":"forbidden"}');
  },
  "an invalid body": (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"user_id":"../../x"}');
  },
  "a reset": (response: ServerResponse) => {
    response.socket?.resetAndDestroy();
  },
  "no response": () => undefined,
} satisfies Record<string, (response: ServerResponse) => void>;
export type Poison = keyof typeof poisons;

/**
 * Starts a proxy before the simulator that fails every call about a poisoned user: calls by client user id, in the path
 * or in the body, and calls by the Vital user id. `isDown` fails every call. `received` counts the calls.
 */
export async function startPoisonProxy(vitalUrl: string, poisonedPrefix: string) {
  const control = { poison: "no such path" as Poison, isActive: false, isDown: false, received: 0 };
  const poisonedVitalUsers = new Set<string>();
  const target = new URL(vitalUrl);

  const isPoisoned = (path: string, body: string): boolean =>
    decodeURIComponent(path).includes(poisonedPrefix) ||
    body.includes(`"client_user_id":"${poisonedPrefix}`) ||
    [...poisonedVitalUsers].some((id) => path.includes(id));

  function forward(incoming: IncomingMessage, body: string, response: ServerResponse): void {
    const { method, url: path, headers } = incoming;
    const options = { host: target.hostname, port: target.port, method, path, headers };
    const forwarded = request(options, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (body.includes(poisonedPrefix)) {
          const id = /"user_id":"([^"]+)"/.exec(text)?.[1];
          if (id !== undefined) poisonedVitalUsers.add(id);
        }
        response.writeHead(reply.statusCode ?? 500, reply.headers).end(text);
      });
    });
    forwarded.on("error", () => response.destroy());
    forwarded.end(body);
  }

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      control.received += 1;
      const isFailing = control.isDown || (control.isActive && isPoisoned(incoming.url ?? "", body));
      if (isFailing) poisons[control.poison](response);
      else forward(incoming, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, control };
}
