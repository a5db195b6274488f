import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { AppUserId } from "../../src/core/mapping/app-user-id.js";
import { createGatewaySender } from "../../src/publisher/gateway-sender.js";
import { toGatewayTarget } from "../../src/publisher/gateway-target.js";
import {
  appUserEventJobName,
  appUserEventsQueueName,
  toAppUserEventData,
} from "../../src/queue/app-user-events.js";
import { queuePrefix } from "../../src/queue/provisioning-queue.js";
import { readAppUserEvent } from "../../workers/read-app-user-event.js";
import { startIngress } from "../support/http/test-ingress.js";

const page = readFileSync(new URL("../../docs/publisher.md", import.meta.url), "utf8");
const findBlock = (language: string) =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(page)?.[1] ?? "";
const secret = /`(whsec_[\w+/=]+)`/.exec(page)?.[1] ?? "";

const [head = "", body = ""] = findBlock("http").trimEnd().split("\n\n");
const headers = Object.fromEntries(
  head
    .split("\n")
    .slice(1)
    .map((line) => line.split(": ") as [string, string]),
);
const job = JSON.parse(findBlock("json")) as Record<string, string>;
const signedAt = new Date(Number(headers["webhook-timestamp"]) * 1000);
const event = {
  id: "evt_2f0c4d1e",
  type: "user.created" as const,
  appUserId: "auth0|5f7c8ec7c33c6c004bbafe82" as AppUserId,
  occurredAt: new Date("2026-11-22T10:00:00Z"),
};

test("the ingress accepts the request on the page as the event that the page names", async () => {
  const ingress = await startIngress({ EVENTS_SIGNING_SECRETS: secret }, { now: () => signedAt });
  onTestFinished(() => ingress.close());
  const response = await ingress.post(body, headers);
  expect(response.status).toBe(202);
  expect(ingress.recorded).toMatchObject([event]);
});

test("the publisher sends exactly the request that the page shows", async () => {
  const received: { headers: IncomingHttpHeaders; body: string; url: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), url: request.url });
      response.writeHead(202).end('{"accepted":1,"ignored":0}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  const sender = createGatewaySender(toGatewayTarget(url, secret), () => signedAt);
  await sender.send(event, 5_000);
  await sender.close();
  expect(received[0]).toMatchObject({ url: "/v1/events", headers, body });
});

test("the publisher adds the job that the page shows, and the worker reads it as that event", () => {
  expect(toAppUserEventData(event)).toEqual(job);
  const read = readAppUserEvent({ id: "1", name: "app-user-event", data: job, timestamp: 0 });
  expect(read).toMatchObject({ outcome: "accepted", event: { ...event, hasOwnTime: true } });
});

test("the Python code on the page adds a job that the worker reads", () => {
  const code = findBlock("python");
  const [, queue, prefix] = /Queue\("([^"]*)", .*"prefix": "([^"]*)"/.exec(code) ?? [];
  const [, name = "", fields = ""] = /\.add\("([^"]*)", (\{.*?\})\)/s.exec(code) ?? [];
  expect([queue, prefix, name]).toEqual([appUserEventsQueueName, queuePrefix, appUserEventJobName]);
  // `isoformat` of a time in UTC ends with +00:00.
  const data = fields
    .replace("user_id", '"u1"')
    .replace("created_at.isoformat()", '"2026-11-22T10:00:00.123456+00:00"')
    .replace(/,\s*\}/, "}");
  const read = readAppUserEvent({ id: "1", name, data: JSON.parse(data) as unknown, timestamp: 0 });
  const occurredAt = new Date("2026-11-22T10:00:00.123Z");
  expect(read).toMatchObject({
    outcome: "accepted",
    event: { type: "user.created", appUserId: "u1", occurredAt },
  });
});
