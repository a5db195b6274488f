/** Runs as a separate process: sends signed events as fast as the server accepts them. */
import { createHmac } from "node:crypto";
import { serveLoad, toRequest } from "../harness/load.js";

export type EventLoadOptions = {
  url: string;
  secret: string;
  /** A user id is this prefix and a number. */
  prefix: string;
  count: number;
  connections: number;
};

/** Returns the request as a Standard Webhooks library creates it. */
function toEventRequest({ secret, prefix }: EventLoadOptions, index: number): string {
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

serveLoad((options: EventLoadOptions) => ({
  url: options.url,
  connections: options.connections,
  requests: Array.from({ length: options.count }, (_, index) => toEventRequest(options, index)),
  isSuccess: (response) => response.startsWith("HTTP/1.1 202"),
}));
