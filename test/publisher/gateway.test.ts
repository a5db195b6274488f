import Fastify from "fastify";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import type { SignupEvent } from "../../src/core/mapping/signup-event.js";
import { registerEventIngress } from "../../src/http/events/event-ingress.js";
import {
  createSignupPublisher,
  PublishError,
  type SignupPublisher,
  type SignupPublisherOptions,
} from "../../src/publisher/publisher.js";
import { otherSecret, readSettings, signingSecret } from "../support/http/test-ingress.js";
import { waitUntil } from "../support/wait-until.js";
import { silentLog } from "../support/recording-log.js";

const { settings } = readSettings({ EVENTS_SIGNING_SECRETS: signingSecret });
const publishers: SignupPublisher[] = [];
afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.close();
});

function publisherTo(options: SignupPublisherOptions): SignupPublisher {
  const publisher = createSignupPublisher(options);
  publishers.push(publisher);
  return publisher;
}

type Store = (events: SignupEvent[]) => Promise<void>;

/** Starts the gateway's event ingress on a port. */
async function startGatewayOn(port: number, record: Store) {
  const app = Fastify({ forceCloseConnections: true });
  registerEventIngress(app, { settings, record, now: () => new Date(), log: silentLog });
  await app.listen({ port, host: "127.0.0.1" });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
}

async function startGateway(record: Store) {
  const gateway = await startGatewayOn(0, record);
  onTestFinished(() => gateway.close());
  return { ...gateway, gatewayUrl: `http://127.0.0.1:${gateway.port}` };
}

/** Starts a server that sends the given responses in order, and records the ids that it receives. */
async function startResponding(
  responses: { status: number; headers?: Record<string, string>; body?: string }[],
) {
  const ids: (string | undefined)[] = [];
  const timestamps: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ids.push(request.headers["webhook-id"] as string);
    timestamps.push(request.headers["webhook-timestamp"] as string);
    const next = responses[Math.min(ids.length, responses.length) - 1] ?? { status: 500 };
    response.writeHead(next.status, next.headers).end(next.body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ids, timestamps, gatewayUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const accepted = { status: 202, body: '{"accepted":1,"ignored":0}' };

async function rejection(work: Promise<unknown>): Promise<PublishError> {
  const error = await work.then(
    () => new Error("it resolved"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PublishError)) throw error as Error;
  return error;
}

test("an acknowledged event is stored with its id and its time", async () => {
  const stored: SignupEvent[] = [];
  const { gatewayUrl } = await startGateway((events) => Promise.resolve(void stored.push(...events)));
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const occurredAt = new Date("2026-01-02T03:04:05.678Z");
  const signup = { type: "user.deleted" as const, appUserId: "né|漢字 1", id: "evt_mine", occurredAt };
  expect(await publisher.publish(signup)).toEqual({ id: "evt_mine" });
  expect(stored).toMatchObject([signup]);
});

test("a gateway that restarts during 1,000 publishes loses none and duplicates none", async () => {
  const stored: SignupEvent[] = [];
  const record = (events: SignupEvent[]) => Promise.resolve(void stored.push(...events));
  const first = await startGatewayOn(0, record);
  const publisher = publisherTo({ gatewayUrl: `http://127.0.0.1:${first.port}`, signingSecret });
  const publishes = Array.from({ length: 1_000 }, (_, index) =>
    publisher.publish({ type: "user.created", appUserId: `u${index}` }),
  );
  const acknowledged = Promise.all(publishes);
  await waitUntil("some are stored", () => stored.length > 100);
  await first.close();
  expect(stored.length).toBeLessThan(1_000);
  const second = await startGatewayOn(first.port, record);
  onTestFinished(() => second.close());
  const ids = new Set((await acknowledged).map(({ id }) => id));
  expect(ids.size).toBe(1_000);
  // An event whose response was lost arrives again with the same id: for sender and gateway it is one event.
  expect(new Set(stored.map(({ id }) => id))).toEqual(ids);
  expect(new Set(stored.map(({ appUserId }) => appUserId)).size).toBe(1_000);
});

test("during an outage of the gateway's MongoDB the publisher waits as long as Retry-After says", async () => {
  let calls = 0;
  const { gatewayUrl } = await startGateway(() => {
    calls += 1;
    return calls > 1
      ? Promise.resolve()
      : Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 1_000 }));
  });
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const startedAt = performance.now();
  await publisher.publish({ type: "user.created", appUserId: "u1" });
  expect(calls).toBe(2);
  expect(performance.now() - startedAt).toBeGreaterThan(990);
});

test.each([408, 429, 500, 502, 503])("%i is retried with the same id", async (status) => {
  const { ids, gatewayUrl } = await startResponding([{ status }, { status }, accepted]);
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const { id } = await publisher.publish({ type: "user.created", appUserId: "u1" });
  expect(ids).toEqual([id, id, id]);
});

test.each([301, 400, 401, 403, 404, 413])("%i rejects the event immediately", async (status) => {
  const { ids, gatewayUrl } = await startResponding([{ status, body: '{"detail":"the reason"}' }]);
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const error = await rejection(publisher.publish({ type: "user.created", appUserId: "u1" }));
  expect(error).toMatchObject({ reason: "refused", status, event: { appUserId: "u1", id: ids[0] } });
  expect(error.message).toContain("the reason");
  expect(ids).toHaveLength(1);
});

test("a server that is not a gateway never acknowledges an event, whatever it responds", async () => {
  for (const next of [
    { status: 200, body: "ok" },
    { status: 202, body: "{}" },
  ]) {
    const { gatewayUrl } = await startResponding([next]);
    const publisher = publisherTo({ gatewayUrl, signingSecret });
    const error = await rejection(publisher.publish({ type: "user.created", appUserId: "u1" }));
    expect(error.reason).toBe("refused");
  }
});

test("a wrong secret is rejected immediately, and appears in no error", async () => {
  const { gatewayUrl } = await startGateway(() => Promise.resolve());
  const publisher = publisherTo({ gatewayUrl, signingSecret: otherSecret });
  const error = await rejection(publisher.publish({ type: "user.created", appUserId: "u1" }));
  expect(error).toMatchObject({ reason: "refused", status: 401 });
  expect(`${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`).not.toContain(otherSecret);
});

test("without a response it rejects at the deadline, with the event to publish again", async () => {
  const { gatewayUrl, close } = await startGateway(() => Promise.resolve());
  await close();
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const signup = { type: "user.created" as const, appUserId: "u1" };
  const startedAt = performance.now();
  const error = await rejection(publisher.publish(signup, { deadlineMs: 400 }));
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(error).toMatchObject({ reason: "deadline", event: signup });
  expect(error.message).toContain("ECONNREFUSED");
  expect(error.event).toMatchObject({
    id: expect.any(String) as string,
    occurredAt: expect.any(Date) as Date,
  });
});

test("a gateway that accepts the request and sends no response is abandoned at the deadline", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const gatewayUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const error = await rejection(
    publisher.publish({ type: "user.created", appUserId: "u1" }, { deadlineMs: 200 }),
  );
  expect(error.reason).toBe("deadline");
});

test("a signal ends the wait", async () => {
  const { ids, gatewayUrl } = await startResponding([{ status: 503, headers: { "retry-after": "30" } }]);
  const publisher = publisherTo({ gatewayUrl, signingSecret });
  const abort = new AbortController();
  const published = publisher.publish({ type: "user.created", appUserId: "u1" }, { signal: abort.signal });
  const rejected = rejection(published);
  await waitUntil("it was tried", () => ids.length > 0);
  abort.abort();
  expect((await rejected).reason).toBe("aborted");
});

test("closing waits for events in flight, and rejects new ones", async () => {
  const { gatewayUrl } = await startResponding([{ status: 500 }, accepted]);
  const publisher = createSignupPublisher({ gatewayUrl, signingSecret });
  let isDone = false;
  const published = publisher.publish({ type: "user.created", appUserId: "u1" }).then(() => (isDone = true));
  await publisher.close();
  expect(isDone).toBe(true);
  await published;
  const error = await rejection(publisher.publish({ type: "user.created", appUserId: "u2" }));
  expect(error).toMatchObject({ reason: "closed", event: { appUserId: "u2" } });
});

describe("an invalid event is rejected immediately", () => {
  const hostile: [string, unknown][] = [
    ["nothing", undefined],
    ["another type", { type: "user.updated", appUserId: "u1" }],
    ["no user id", { type: "user.created" }],
    ["a number as user id", { type: "user.created", appUserId: 4711 }],
    ["a user id with a line break", { type: "user.created", appUserId: "u\n1" }],
    ["two dots as user id", { type: "user.created", appUserId: ".." }],
    ["an invalid date", { type: "user.created", appUserId: "u1", occurredAt: new Date("never") }],
    ["a date in words", { type: "user.created", appUserId: "u1", occurredAt: "yesterday" }],
    ["an id that breaks headers", { type: "user.created", appUserId: "u1", id: "a\r\nb" }],
    ["an empty id", { type: "user.created", appUserId: "u1", id: "" }],
  ];
  test.each(hostile)("%s", async (_name, signup) => {
    const publisher = publisherTo({ gatewayUrl: "http://127.0.0.1:1", signingSecret });
    const error = await rejection(publisher.publish(signup as { type: "user.created"; appUserId: string }));
    expect(error.reason).toBe("invalid");
  });

  test.each([
    ["2026-11-22T10:00:00", "occurredAt has no time zone; append Z if it is UTC"],
    ["2026-11-22 10:00:00", "occurredAt has no time zone"],
    ["2026-11-22", "occurredAt is only a date"],
    [new Date("never"), "occurredAt is an invalid Date"],
  ])("the time %j, and the error says what to change", async (occurredAt, problem) => {
    const publisher = publisherTo({ gatewayUrl: "http://127.0.0.1:1", signingSecret });
    const error = await rejection(publisher.publish({ type: "user.created", appUserId: "u1", occurredAt }));
    expect(error.message).toContain(problem);
  });

  test("a deadline that is not a number", async () => {
    const publisher = publisherTo({ gatewayUrl: "http://127.0.0.1:1", signingSecret });
    const signup = { type: "user.created" as const, appUserId: "u1" };
    const error = await rejection(publisher.publish(signup, { deadlineMs: Number.NaN }));
    expect(error.reason).toBe("invalid");
  });
});

test("invalid options are rejected when the publisher is created", () => {
  const wrong = [
    { gatewayUrl: "gateway", signingSecret },
    { gatewayUrl: "ftp://gateway", signingSecret },
    { gatewayUrl: "http://gateway", signingSecret: "secret" },
    { gatewayUrl: "http://gateway", signingSecret: "whsec_c2hvcnQ=" },
    { redisUrl: "http://redis" },
    { connection: undefined },
    {},
  ];
  for (const options of wrong) {
    expect(() => createSignupPublisher(options as { redisUrl: string })).toThrow(TypeError);
  }
});
