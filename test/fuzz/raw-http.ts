import { connect } from "node:net";

/** What came back on the wire; `head` is empty where the server closed the connection without an answer. */
export type RawResponse = { status: number; headers: ReadonlyMap<string, string>; body: Buffer };

const responseTimeoutMs = 25_000;
const cutAfterMs = 100;

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

/** The last answer on a connection: an interim one (100) may stand before it. */
export function parseResponses(bytes: Buffer): RawResponse[] {
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
 * Sends bytes on a connection of their own and gives the answers. Of a request that may be cut off, it says after a
 * moment that no more will come; Node.js drops what it works on when it hears that, so not of a whole one.
 * @throws Error when the server neither answers nor closes the connection
 */
export function sendBytes(url: string, bytes: Buffer, mayBeCut: boolean): Promise<RawResponse[]> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`neither an answer nor an end within ${responseTimeoutMs} ms`));
    }, responseTimeoutMs);
    const ending = mayBeCut ? setTimeout(() => socket.end(), cutAfterMs) : undefined;
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    // The server may close while we still write: what it has answered counts.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      clearTimeout(ending);
      resolve(parseResponses(Buffer.concat(received)));
    });
    socket.write(bytes);
  });
}
