import { connect } from "node:net";

/** A response as it arrived on the wire. */
export type RawResponse = { status: number; headers: ReadonlyMap<string, string>; body: Buffer };

const responseTimeoutMs = 25_000;
const halfCloseAfterMs = 100;

function dechunk(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  let rest = body;
  for (;;) {
    const end = rest.indexOf("\r\n");
    const size = end < 0 ? 0 : Number.parseInt(rest.subarray(0, end).toString("latin1"), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(rest.subarray(end + 2, end + 2 + size));
    rest = rest.subarray(end + 4 + size);
  }
}

function parseHead(head: string) {
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0), headers };
}

/** Parses all final responses on a connection. Interim responses (such as 100) are skipped. */
function parseResponses(bytes: Buffer): RawResponse[] {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return [];
  const { status, headers } = parseHead(bytes.subarray(0, end).toString("latin1"));
  const rest = bytes.subarray(end + 4);
  if (status < 200) return parseResponses(rest);
  const length = headers.get("content-length");
  if (headers.get("transfer-encoding") === "chunked") return [{ status, headers, body: dechunk(rest) }];
  const size = length === undefined ? 0 : Math.min(Number(length), rest.length);
  return [{ status, headers, body: rest.subarray(0, size) }, ...parseResponses(rest.subarray(size))];
}

/**
 * Sends bytes on a new connection and returns the responses. If the request may be incomplete, the sending side is closed
 * after a short delay. It stays open for a complete request, because Node.js aborts a request when the client closes its side.
 * @throws Error if the server does not close the connection in time
 */
export function sendBytes(url: string, bytes: Buffer, mayBeIncomplete: boolean): Promise<RawResponse[]> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server did not close the connection within ${responseTimeoutMs} ms`));
    }, responseTimeoutMs);
    const halfClose = mayBeIncomplete ? setTimeout(() => socket.end(), halfCloseAfterMs) : undefined;
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    // The server may close the connection before all bytes are written. The responses received so far count.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      clearTimeout(halfClose);
      resolve(parseResponses(Buffer.concat(received)));
    });
    socket.write(bytes);
  });
}
