/** What the load processes of the benches share: requests over kept-alive connections, written and read as bytes. */
import { connect, type Socket } from "node:net";

export type LoadResult = {
  requests: number;
  refused: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  /** One answer that was not good. */
  example: string;
};

export type Load = {
  url: string;
  /** Whole requests, made before the clock starts. */
  requests: readonly string[];
  connections: number;
  isGood: (answer: string) => boolean;
};

/** A request of JSON, with headers as they are written. */
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

/** Bytes of the first whole answer, or 0 while it is not whole. */
function sizeOfAnswer(bytes: Buffer): number {
  const end = bytes.indexOf(marker);
  if (end < 0) return 0;
  const head = bytes.toString("latin1", 0, end);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
  const size = end + marker.length + length;
  return bytes.length < size ? 0 : size;
}

/** Sends all requests, each connection one after the other, as fast as they are answered. */
export async function push({ url, requests, connections, isGood }: Load): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const durationsMs: number[] = [];
  let [next, refused, example] = [0, 0, ""];

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
        const size = sizeOfAnswer(received);
        if (size === 0) return;
        durationsMs.push(performance.now() - sentAt);
        const answer = received.toString("latin1", 0, size);
        if (!isGood(answer)) {
          refused += 1;
          example = answer.slice(0, 1_000);
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
    refused,
    seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    example,
  };
}

/** In a load process: does what its bench orders, one order after the other. */
export function serveLoad(toLoad: (order: never) => Load): void {
  process.on("message", (order) => {
    void push(toLoad(order as never)).then((result) => process.send?.(result));
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ type: "started", url: "" });
}
