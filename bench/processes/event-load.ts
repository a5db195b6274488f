/** Run as a process of its own: one sender that pushes signed events as fast as they are taken. */
import { createHmac } from "node:crypto";
import { serveLoad, toRequest } from "../harness/load.js";

export type LoadOrder = {
  url: string;
  secret: string;
  /** Events are of the users `prefix` and a number. */
  prefix: string;
  count: number;
  connections: number;
};

/** The request as a library of Standard Webhooks makes it. */
function toEventRequest({ secret, prefix }: LoadOrder, index: number): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const id = `msg_${prefix}${index}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const data = { id: `${prefix}${index}` };
  const body = JSON.stringify({ type: "user.created", timestamp: new Date().toISOString(), data });
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = [
    `webhook-id: ${id}`,
    `webhook-timestamp: ${timestamp}`,
    `webhook-signature: v1,${signature}`,
  ];
  return toRequest("/v1/events", headers, body);
}

serveLoad((order: LoadOrder) => ({
  url: order.url,
  connections: order.connections,
  requests: Array.from({ length: order.count }, (_, index) => toEventRequest(order, index)),
  isGood: (answer) => answer.startsWith("HTTP/1.1 202"),
}));
