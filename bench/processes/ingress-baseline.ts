/**
 * Runs as a separate process: the same work in a typical handler. For each request it verifies the signature, awaits one
 * upsert with majority write concern, and adds one job.
 */
import { Queue } from "bullmq";
import fastify from "fastify";
import { Redis } from "ioredis";
import mongoose from "mongoose";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Webhook } from "standardwebhooks";
import { serveControl } from "../harness/control.js";

const { MONGODB_URL = "", REDIS_URL = "", SIGNING_SECRET = "", SIGNATURE_CHECK = "" } = process.env;

await mongoose.connect(MONGODB_URL);
const UserMapping = mongoose.model(
  "UserMapping",
  new mongoose.Schema({ _id: String, state: String, requestedAt: Date, lastEventId: String }),
);
const queue = new Queue("plain-provisioning", {
  connection: new Redis(REDIS_URL, { maxRetriesPerRequest: null }),
});

type Event = { type: string; timestamp: string; data: { id: string } };
type Verify = (body: Buffer, headers: IncomingHttpHeaders) => Event;

const webhook = new Webhook(SIGNING_SECRET);
const verifyWithPackage: Verify = (body, headers) =>
  webhook.verify(body.toString(), headers as Record<string, string>) as Event;

const key = Buffer.from(SIGNING_SECRET.slice("whsec_".length), "base64");
const verifyWithCrypto: Verify = (body, headers) => {
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.`;
  const expected = createHmac("sha256", key).update(signed).update(body).digest();
  const received = Buffer.from(String(headers["webhook-signature"]).slice("v1,".length), "base64");
  if (received.length !== expected.length || !timingSafeEqual(received, expected))
    throw new Error("invalid signature");
  return JSON.parse(body.toString()) as Event;
};
const verify = SIGNATURE_CHECK === "package" ? verifyWithPackage : verifyWithCrypto;

const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
  done(null, body);
});
app.post("/v1/events", async (request, reply) => {
  const event = verify(request.body as Buffer, request.headers);
  const appUserId = event.data.id;
  await UserMapping.updateOne(
    { _id: appUserId },
    { $setOnInsert: { state: "pending", requestedAt: new Date(event.timestamp), lastEventId: request.id } },
    { upsert: true, writeConcern: { w: "majority" } },
  );
  await queue.add(
    "provision-user",
    { appUserId },
    { attempts: 5, backoff: { type: "exponential", delay: 1_000 }, removeOnComplete: true },
  );
  return reply.code(202).send({ accepted: 1 });
});
serveControl(await app.listen({ port: 0, host: "127.0.0.1" }));
