import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import type { SignupEventType } from "../src/core/mapping/signup-event.js";

/**
 * Publishes the signup or the deletion of an app user as a signup service does, signed according to Standard Webhooks.
 *
 * @param options `gatewayUrl` is the gateway's address, without a path.
 * @returns the response: status 202 when the event is stored.
 */
export async function publishSignup({
  gatewayUrl,
  signingSecret,
  appUserId,
  type = "user.created",
}: {
  gatewayUrl: string;
  signingSecret: string;
  appUserId: AppUserId;
  type?: SignupEventType;
}): Promise<{ status: number; body: string }> {
  const id = `msg_${randomUUID()}`;
  const now = new Date();
  const body = JSON.stringify({ type, timestamp: now.toISOString(), data: { id: appUserId } });
  const response = await fetch(`${gatewayUrl}/v1/events`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(signingSecret).sign(id, now, body),
    },
    body,
  });
  return { status: response.status, body: await response.text() };
}
