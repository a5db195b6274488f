import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import Fastify from "fastify";
import { afterAll, beforeEach, onTestFinished } from "vitest";
import { createSettingsReader, type Environment } from "../../../src/config/settings-reader.js";
import type { ReceivedEvent, SignupEvent } from "../../../src/core/mapping/signup-event.js";
import { registerEventIngress, type EventIngressOptions } from "../../../src/http/events/event-ingress.js";
import { readEventSettings } from "../../../src/http/events/event-settings.js";
import { createRecordingLog } from "../recording-log.js";

export const signingSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
export const otherSecret = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
export const bearerToken = "a-bearer-token-of-the-tests-0001";
export const workosSecret = "workos-secret-of-the-tests";
export const zitadelSecret = "zitadel-secret-of-the-tests";
export const fusionauthSecret = "fusionauth-secret-of-the-tests";
export const keycloakSecret = "keycloak-secret-of-the-tests";

/** The clock of the ingress: every request arrives at this instant. */
export const arrivedAt = new Date("2026-11-22T10:00:00Z");
const arrivedAtSeconds = arrivedAt.getTime() / 1000;

export const allSecrets: Environment = {
  EVENTS_SIGNING_SECRETS: signingSecret,
  EVENTS_BEARER_TOKENS: bearerToken,
  EVENTS_WORKOS_SECRETS: workosSecret,
  EVENTS_ZITADEL_SECRETS: zitadelSecret,
  EVENTS_FUSIONAUTH_SECRETS: fusionauthSecret,
  EVENTS_KEYCLOAK_SECRETS: keycloakSecret,
};

export function readSettings(environment: Environment) {
  const reader = createSettingsReader(environment);
  return { settings: readEventSettings(reader), problems: reader.problems };
}

type Problem = {
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  index?: number;
  errorId?: string;
};
type IngressResponse = {
  status: number;
  headers: Headers;
  body: Problem & { accepted: number; ignored: number };
};

/** Starts the ingress on a free port, and records the events that it would store, its metrics and its log lines. */
export async function startIngress(
  environment: Environment = allSecrets,
  overrides: Partial<EventIngressOptions> = {},
) {
  const recorded: SignupEvent[] = [];
  const received: ReceivedEvent[] = [];
  const record = (events: ReceivedEvent[]) => {
    received.push(...events);
    recorded.push(
      ...events.map(({ id, type, appUserId, occurredAt }) => ({ id, type, appUserId, occurredAt })),
    );
    return Promise.resolve();
  };
  const counted: string[] = [];
  const ignoredTypes: string[] = [];
  const { log, lines } = createRecordingLog();
  const app = Fastify();
  registerEventIngress(app, {
    settings: readSettings(environment).settings,
    record,
    now: () => arrivedAt,
    metrics: {
      eventReceived: (source, outcome) => void counted.push(`${source} ${outcome}`),
      eventIgnored: (type) => void ignoredTypes.push(type),
    },
    log,
    ...overrides,
  });
  const url = `${await app.listen({ port: 0, host: "127.0.0.1" })}/v1/events`;

  const request = async (init: RequestInit): Promise<IngressResponse> => {
    const response = await fetch(url, init);
    const text = await response.text();
    const body = (text === "" ? {} : JSON.parse(text)) as IngressResponse["body"];
    return { status: response.status, headers: response.headers, body };
  };
  const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string>) =>
    request({ method: "POST", body, headers: { "content-type": "application/json", ...headers } });

  return {
    url,
    app,
    /** What the senders said of the events that were stored. */
    recorded,
    /** The same events as the core receives them. */
    received,
    counted,
    ignoredTypes,
    lines,
    request,
    post,
    /** Sends a value as JSON with the valid bearer token. */
    postAsBearer: (value: unknown, headers: Record<string, string> = {}) =>
      post(JSON.stringify(value), { ...bearer, ...headers }),
    postAsBearerText: (body: string) => post(body, bearer),
    close: () => app.close(),
  };
}
export type TestIngress = Awaited<ReturnType<typeof startIngress>>;

/** Starts an ingress for one test, and closes it when the test ends. */
export async function startIngressForTest(...args: Parameters<typeof startIngress>): Promise<TestIngress> {
  const ingress = await startIngress(...args);
  onTestFinished(() => ingress.close());
  return ingress;
}

/** Starts one ingress for all tests of a file; nothing is recorded or counted when a test starts. */
export async function startIngressForFile(environment?: Environment): Promise<TestIngress> {
  const ingress = await startIngress(environment);
  afterAll(() => ingress.close());
  beforeEach(() => {
    ingress.recorded.length = 0;
    ingress.received.length = 0;
    ingress.counted.length = 0;
    ingress.ignoredTypes.length = 0;
    ingress.lines.length = 0;
  });
  return ingress;
}

export const bearer = { authorization: `Bearer ${bearerToken}` };

type SignOptions = { id?: string; secret?: string; at?: Date; prefix?: "webhook" | "svix" };

/** Returns the headers that the sender library of Standard Webhooks creates. */
export function sign(body: string, options: SignOptions = {}): Record<string, string> {
  const { id = "msg_1", secret = signingSecret, at = arrivedAt, prefix = "webhook" } = options;
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(Math.floor(at.getTime() / 1000)),
    [`${prefix}-signature`]: new Webhook(secret).sign(id, at, body),
  };
}

/** Returns the headers that the library of Svix creates. */
export const signBySvix = (body: string): Record<string, string> => ({
  "svix-id": "msg_svix",
  "svix-timestamp": String(arrivedAtSeconds),
  "svix-signature": new SvixWebhook(signingSecret).sign("msg_svix", arrivedAt, body),
});

/** Returns the signature header of WorkOS or Zitadel. */
export function signTimestamped(
  { header, secret, timestamp }: { header: string; secret: string; timestamp: number },
  body: string,
): Record<string, string> {
  const hmac = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return { [header]: `t=${timestamp},v1=${hmac}` };
}

/** Returns the header with which Phase Two's extension for Keycloak signs. */
export const signByKeycloak = (body: string, algorithm = "sha256"): Record<string, string> => ({
  "x-keycloak-signature": createHmac(algorithm, keycloakSecret).update(body).digest("hex"),
});

/** Returns the header of HTTP Basic with the bearer token as the password. */
export const basic = (password = bearerToken, user = "keycloak"): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

export const workosSigner = {
  header: "workos-signature",
  secret: workosSecret,
  timestamp: arrivedAt.getTime(),
};
export const zitadelSigner = {
  header: "zitadel-signature",
  secret: zitadelSecret,
  timestamp: arrivedAtSeconds,
};

/** An event in our own format. */
export const ownEvent = (
  appUserId: unknown,
  type = "user.created",
  timestamp: unknown = arrivedAtSeconds,
) => ({
  type,
  timestamp,
  data: { id: appUserId },
});

export const docsFolder = new URL("../../../docs/sources/", import.meta.url);

export const readExample = (name: string) =>
  readFileSync(new URL(`examples/${name}.json`, docsFolder), "utf8");
