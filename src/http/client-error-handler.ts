import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Logger } from "../telemetry/logger.js";
import { toProblem, toProblemBody } from "./problem.js";

/** The status for an error code of Node.js; 400 for every other code. */
const statuses: Readonly<Record<string, 408 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Creates the handler of the `clientError` event of Node.js, which reports bytes that are not HTTP, headers that are too
 * long, and requests that do not arrive in time. None of them becomes a Fastify request, so the response is written to
 * the socket here, with the headers that all other responses have.
 */
export function createClientErrorHandler(log: Logger, headers: Readonly<Record<string, string>>) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    if (socket.bytesRead === 0) {
      // The connection was opened in advance and never used. A client that sends its first request at this moment would
      // mistake a response for the one to its request.
      socket.destroy();
      return;
    }
    const requestId = randomUUID();
    const problem = toProblem({ statusCode: statuses[error.code ?? ""] ?? 400 });
    const { status, title, code } = problem;
    log.info({ requestId, status, code, reason: error.code }, "request rejected");
    const body = toProblemBody(problem, requestId);
    const responseHeaders = {
      ...headers,
      "x-request-id": requestId,
      "content-type": "application/problem+json",
      "content-length": String(Buffer.byteLength(body)),
      connection: "close",
    };
    const lines = Object.entries(responseHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    if (socket.writable) socket.write(`HTTP/1.1 ${status} ${title}\r\n${lines.join("")}\r\n${body}`);
    socket.destroySoon();
  };
}
