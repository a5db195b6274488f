/** Run as a process of its own: one sender that pushes signed events as fast as they are taken. */
import { createHmac } from "node:crypto";
import { connect, type Socket } from "node:net";

export type LoadOrder = {
  url: string;
  secret: string;
  /** Events are of the users `prefix` and a number. */
  prefix: string;
  count: number;
  connections: number;
};
export type LoadResult = { seconds: number; p50Ms: number; p99Ms: number; refused: number; example: string };

const marker = Buffer.from("\r\n\r\n");

/** The request as a library of Standard Webhooks makes it; signed before the clock starts. */
function toRequest({ secret, prefix }: LoadOrder, index: number): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const id = `msg_${prefix}${index}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const data = { id: `${prefix}${index}` };
  const body = JSON.stringify({ type: "user.created", timestamp: new Date().toISOString(), data });
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return [
    "POST /v1/events HTTP/1.1",
    "Host: bench",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `webhook-id: ${id}`,
    `webhook-timestamp: ${timestamp}`,
    `webhook-signature: v1,${signature}`,
    "",
    body,
  ].join("\r\n");
}

/** Bytes of the first whole answer, or 0 while it is not whole. */
function sizeOfAnswer(bytes: Buffer): number {
  const end = bytes.indexOf(marker);
  if (end < 0) return 0;
  const length = /content-length: (\d+)/i.exec(bytes.toString("latin1", 0, end))?.[1];
  const size = end + marker.length + Number(length ?? 0);
  return bytes.length < size ? 0 : size;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { hostname, port } = new URL(order.url);
  const requests = Array.from({ length: order.count }, (_, index) => toRequest(order, index));
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
        if (!answer.startsWith("HTTP/1.1 202")) {
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
  await Promise.all(Array.from({ length: order.connections }, () => runOne(open())));
  const seconds = (performance.now() - startedAt) / 1000;
  durationsMs.sort((a, b) => a - b);
  const quantile = (share: number) => durationsMs[Math.floor(share * (durationsMs.length - 1))] ?? 0;
  return { seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99), refused, example };
}

process.on("message", (order: LoadOrder) => {
  void run(order).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ type: "started", url: "" });
