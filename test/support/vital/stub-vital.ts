import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

type ReceivedRequest = { method: string; url: string; headers: IncomingMessage["headers"]; body: string };
type Responder = (response: ServerResponse, request: ReceivedRequest) => void;

export type StubResponse = { status?: number; headers?: Record<string, string>; body?: unknown };

/** Responds with a status and a body. A string is sent as text, anything else as JSON. */
export const respondWith =
  ({ status = 200, headers = {}, body = "" }: StubResponse): Responder =>
  (response) => {
    const isText = typeof body === "string";
    response.writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };

/** Starts an HTTP server that replaces Vital. Each request gets the next response; the last one repeats. */
export async function startStubVital(...responders: Responder[]) {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      responders[Math.min(received.length, responders.length) - 1]?.(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received: received as readonly ReceivedRequest[] };
}
