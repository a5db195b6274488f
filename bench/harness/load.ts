/** Shared by the load processes of the benchmarks: sends requests over keep-alive connections, written and read as bytes. */
import { connect, type Socket } from "node:net";

export type LoadResult = {
  requests: number;
  failed: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  /** One response that was not successful. */
  example: string;
};

export type Load = {
  url: string;
  /** Complete requests, created before the measurement starts. */
  requests: readonly string[];
  connections: number;
  isSuccess: (response: string) => boolean;
};

/** Returns a JSON request as text; `headers` are complete header lines. */
export const toRequest = (path: string, headers: readonly string[], body: string): string =>
  [
    `POST ${path} HTTP/1.1`,
    "Host: bench",
    "Accept: */*",
    ...headers,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");

const marker = Buffer.from("\r\n\r\n");

/** Returns the size of the first complete response in bytes, or 0 while it is incomplete. */
function sizeOfResponse(bytes: Buffer): number {
  const end = bytes.indexOf(marker);
  if (end < 0) return 0;
  const head = bytes.toString("latin1", 0, end);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`a response without a Content-Length: ${head}`);
  const size = end + marker.length + length;
  return bytes.length < size ? 0 : size;
}

/** Sends all requests. Each connection sends its next request as soon as it has received a response. */
async function sendAll({ url, requests, connections, isSuccess }: Load): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const durationsMs: number[] = [];
  let [next, failed, example] = [0, 0, ""];

  const runOne = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let received = Buffer.alloc(0);
      let sentAt = 0;
      const send = () => {
        const request = requests[next];
        next += 1;
        if (request === undefined) {
          socket.end();
          resolve();
          return;
        }
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on("data", (chunk: Buffer) => {
        received = received.length === 0 ? Buffer.from(chunk) : Buffer.concat([received, chunk]);
        const size = sizeOfResponse(received);
        if (size === 0) return;
        durationsMs.push(performance.now() - sentAt);
        const response = received.toString("latin1", 0, size);
        if (!isSuccess(response)) {
          failed += 1;
          example = response.slice(0, 1_000);
        }
        received = received.subarray(size);
        send();
      });
      socket.on("error", reject);
      socket.on("connect", send);
    });

  const startedAt = performance.now();
  const open = () => connect({ host: hostname, port: Number(port), noDelay: true });
  await Promise.all(Array.from({ length: connections }, () => runOne(open())));
  const seconds = (performance.now() - startedAt) / 1000;
  durationsMs.sort((a, b) => a - b);
  const quantile = (share: number) => durationsMs[Math.floor(share * (durationsMs.length - 1))] ?? 0;
  return {
    requests: durationsMs.length,
    failed,
    seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    example,
  };
}

/** Called in a load process: runs each load that the benchmark sends, and sends back the result. */
export function serveLoad(toLoad: (options: never) => Load): void {
  process.on("message", (options) => {
    void sendAll(toLoad(options as never)).then((result) => process.send?.(result));
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ type: "started", url: "" });
}
