/** Run as a process of its own: sends requests over kept-alive connections, written and read as plain bytes. */
import { connect, type Socket } from "node:net";

export type LoadOrder = { url: string; path: string; body: string; bearers: string[]; connections: number };
export type LoadResult = {
  requests: number;
  refused: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  example: string;
};

const marker = Buffer.from("\r\n\r\n");

/** Gives the first whole answer at the start of the bytes, or `null` while it is not whole. */
function takeAnswer(bytes: Buffer): { text: string; size: number } | null {
  const end = bytes.indexOf(marker);
  if (end < 0) return null;
  const head = bytes.toString("latin1", 0, end);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
  const size = end + marker.length + length;
  return bytes.length < size ? null : { text: bytes.toString("latin1", 0, size), size };
}

function run({ url, path, body, bearers, connections }: LoadOrder): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const tail = `\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const headOf = (bearer: string) =>
    `POST ${path} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\nAuthorization: Bearer ${bearer}`;
  const durationsMs: number[] = [];
  let [next, refused, example] = [0, 0, ""];
  const startedAt = performance.now();

  const runOne = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let received = Buffer.alloc(0);
      let sentAt = 0;
      const send = () => {
        const bearer = bearers[next];
        next += 1;
        if (bearer === undefined) {
          socket.end();
          resolve();
          return;
        }
        sentAt = performance.now();
        socket.write(headOf(bearer) + tail);
      };
      socket.on("data", (chunk: Buffer) => {
        received = received.length === 0 ? Buffer.from(chunk) : Buffer.concat([received, chunk]);
        const answer = takeAnswer(received);
        if (answer === null) return;
        durationsMs.push(performance.now() - sentAt);
        if (!answer.text.startsWith("HTTP/1.1 200") || !answer.text.includes('"signInToken":"')) {
          refused += 1;
          example = answer.text.slice(0, 1_000);
        }
        received = received.subarray(answer.size);
        send();
      });
      socket.on("error", reject);
      socket.on("connect", send);
    });

  const sockets = Array.from({ length: connections }, () => connect({ host: hostname, port: Number(port) }));
  return Promise.all(sockets.map(runOne)).then(() => {
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
  });
}

process.on("message", (order: LoadOrder) => {
  void run(order).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ type: "started", url: "" });
