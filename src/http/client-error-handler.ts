import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { toProblem, toRefusal } from "./problem.js";

type Log = { info(fields: Record<string, unknown>, phrase: string): void };

/** What Node.js calls a request that did not arrive, and how that is answered; anything else is malformed. */
const statuses: Readonly<Record<string, 408 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers what never becomes a request of Fastify's: bytes that are no HTTP, headers that are too long, a request
 * that does not arrive in time. The answer is written by hand, with the headers that all others have.
 */
export function createBrokenHttpRefusal(log: Log, headers: Readonly<Record<string, string>>) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    if (socket.bytesRead === 0) {
      // Opened in advance and never used: whoever used it this very moment would take the answer for their own.
      socket.destroy();
      return;
    }
    const requestId = randomUUID();
    const problem = toProblem(toRefusal({ statusCode: statuses[error.code ?? ""] ?? 400 }), requestId);
    const { status, title, code } = problem;
    log.info({ requestId, status, code, reason: error.code }, "request refused");
    const body = JSON.stringify(problem);
    const written = {
      ...headers,
      "x-request-id": requestId,
      "content-type": "application/problem+json",
      "content-length": String(Buffer.byteLength(body)),
      connection: "close",
    };
    const lines = Object.entries(written).map(([name, value]) => `${name}: ${value}\r\n`);
    if (socket.writable) socket.write(`HTTP/1.1 ${status} ${title}\r\n${lines.join("")}\r\n${body}`);
    socket.destroySoon();
  };
}
