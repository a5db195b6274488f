import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../core/clock.js";
import { withDeadline } from "../../core/deadline.js";
import { ServiceError } from "../../core/errors.js";
import type { ReceivedEvent } from "../../core/mapping/signup-event.js";
import type { Logger } from "../../telemetry/logger.js";
import { createIgnoredEventTypes } from "../../telemetry/ignored-event-types.js";
import { HttpProblem, sendProblem, toProblem } from "../problem.js";
import { getHandshakeHeaders, isBinaryCloudEvent, toStructuredEvent } from "./cloud-events.js";
import { hasUnsupportedCharset, isJsonMediaType, parseJson, toMediaType } from "./event-body.js";
import { hasEventSource, type EventSettings } from "./event-settings.js";
import { createEventSources } from "./event-sources.js";
import { readEvents } from "./read-events.js";
import { verifySender } from "./verify-sender.js";

type EventOutcome = "accepted" | "ignored" | "refused" | "unavailable";

/** Counted per event; a rejected request counts once, as `unknown` when its source was not recognized. */
type EventMetrics = {
  eventReceived: (source: string, outcome: EventOutcome) => void;
  /** Called with a type name that is safe as a label. */
  eventIgnored: (type: string) => void;
};

export type EventIngressOptions = {
  settings: EventSettings;
  /** Resolves when all events are stored with write concern `majority`; throws a `ServiceError` otherwise. */
  record: (events: ReceivedEvent[]) => Promise<void>;
  /** Called with each accepted event before it is stored. */
  checkClock?: (source: string, event: ReceivedEvent) => void;
  /** How long `record` may take before the sender is asked to retry, milliseconds; 10,000 by default. */
  deadlineMs?: number;
  now: Clock;
  metrics?: EventMetrics | undefined;
  log: Logger;
};

const path = "/v1/events";
const maxBodyBytes = 1024 * 1024;
const mediaTypes = new Set([
  "application/json",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
]);

const toTimeout = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { reason: "storing events exceeded the deadline" });

const isTooLarge = ({ headers }: FastifyRequest) => Number(headers["content-length"] ?? 0) > maxBodyBytes;

const createMediaTypeProblem = (detail: string) => new HttpProblem("UNSUPPORTED_MEDIA_TYPE", { detail });

/**
 * Rejects a body that the gateway cannot read. The data of a binary CloudEvent may have any media type, because the
 * event's headers may be sufficient; only data that is JSON is read.
 */
function assertMediaType({ headers }: FastifyRequest, mediaType: string, isBinary: boolean): void {
  if (isBinary && mediaType !== "" && !isJsonMediaType(mediaType)) return;
  if (!isBinary && !mediaTypes.has(mediaType)) {
    throw createMediaTypeProblem(`Unsupported Content-Type; send one of ${[...mediaTypes].join(", ")}.`);
  }
  if ((headers["content-encoding"] ?? "identity") !== "identity") {
    throw createMediaTypeProblem("Unsupported Content-Encoding; send the body without one.");
  }
  if (hasUnsupportedCharset(headers["content-type"])) {
    throw createMediaTypeProblem("Unsupported charset in the Content-Type; send the body as UTF-8.");
  }
}

type ReceivedBody = {
  headers: IncomingHttpHeaders;
  mediaType: string;
  /** Whether the headers contain a CloudEvent whose data is the body. */
  isBinary: boolean;
  body: Buffer;
};

/**
 * Returns the message of a request: its body, or the CloudEvent in its body and headers.
 *
 * A signature covers the body, not the headers. A signed message is therefore never combined with `ce-*` headers, which
 * any intermediary could have added.
 */
function toMessage({ headers, mediaType, isBinary, body }: ReceivedBody, isSigned: boolean): unknown {
  if (!isBinary) return parseJson(body);
  if (isSigned) {
    const detail = "The signature does not cover ce-* headers; send the CloudEvent in structured mode.";
    throw new HttpProblem("UNAUTHENTICATED", { detail });
  }
  return toStructuredEvent(headers, mediaType, body);
}

const createMethodProblem = () =>
  new HttpProblem("METHOD_NOT_ALLOWED", { detail: "Send events by POST.", headers: { allow: "POST" } });

/** Rejections that do not concern an event source; the metrics do not count them. */
const uncountedCodes: ReadonlySet<string> = new Set(["EVENTS_NOT_CONFIGURED", "METHOD_NOT_ALLOWED"]);

/** Logs, counts and sends the problem of a request that fails. */
function createErrorHandler({ log, metrics }: Pick<EventIngressOptions, "log" | "metrics">) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = toProblem(error);
    if (problem.status === 503) problem.detail = "The events were not stored; send them again.";
    const { origin, status, code, detail, index, source, reason, errorId } = problem;
    const fields = { requestId: request.id, code, index, source, reason };
    if (origin === "bug") log.error({ ...fields, errorId, err: error }, "unexpected error");
    else log.warn({ ...fields, detail }, "events rejected");
    if (status < 500 && !uncountedCodes.has(code)) metrics?.eventReceived(source ?? "unknown", "refused");
    return sendProblem(reply, problem);
  };
}

const sourcesOfSettings: ReadonlySet<string> = new Set(["auth0", "cloudevents", "custom"]);

/** Returns what an operator has to change if events of an ignored type are signups or deletions. */
function toIgnoredTypeFix(source: string): string {
  const condition = "if these are signups or deletions,";
  if (sourcesOfSettings.has(source)) return `${condition} set EVENTS_CREATED_TYPES or EVENTS_DELETED_TYPES`;
  return source === "own"
    ? `${condition} send one of the accepted types, or set EVENTS_USER_ID_POINTER and EVENTS_CREATED_TYPES`
    : `${condition} configure the provider to send one of the accepted types`;
}

/** Creates the handler of `POST`, which authenticates the sender, reads the events and stores them. */
function createEventReceiver({
  settings,
  record,
  checkClock = () => undefined,
  deadlineMs = 10_000,
  now,
  metrics,
  log,
}: EventIngressOptions) {
  const sources = createEventSources(settings.customFormat);
  const reportIgnored = createIgnoredEventTypes({ log, count: metrics?.eventIgnored });

  const count = (from: readonly string[], outcome: EventOutcome) => {
    if (metrics !== undefined) for (const source of from) metrics.eventReceived(source, outcome);
  };

  const authenticate = async (request: FastifyRequest, body: Buffer) => {
    const delivery = { headers: request.headers, body, nowMs: now().getTime() };
    const sender = await verifySender(delivery, settings);
    if (sender.by === null) throw new HttpProblem("UNAUTHENTICATED", { detail: sender.problem });
    return sender;
  };

  const store = async (events: ReceivedEvent[], from: readonly string[]) => {
    try {
      if (events.length > 0) await withDeadline(record(events), deadlineMs, toTimeout);
    } catch (error) {
      count(from, "unavailable");
      throw error;
    }
  };

  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { headers } = request;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const mediaType = toMediaType(headers["content-type"]);
    const isBinary = isBinaryCloudEvent(headers, mediaType);
    assertMediaType(request, mediaType, isBinary);
    const sender = await authenticate(request, body);
    const message = toMessage({ headers, mediaType, isBinary, body }, sender.by === "signature");
    const messageId = (sender.by === "signature" ? sender.messageId : undefined) ?? null;
    const delivery = { messageId, requestId: request.id, arrivedAt: now() };
    const { events, acceptedFrom, ignored, expectsEmptyResponse } = readEvents(message, sources, delivery);
    for (const [index, event] of events.entries()) checkClock(acceptedFrom[index] ?? "unknown", event);
    await store(events, acceptedFrom);
    count(acceptedFrom, "accepted");
    for (const { source, typeName } of ignored) {
      metrics?.eventReceived(source.name, "ignored");
      const { name, acceptedTypes } = source;
      reportIgnored({ source: name, typeName, acceptedTypes, fix: toIgnoredTypeFix(name) });
    }
    if (expectsEmptyResponse) return reply.code(204).send();
    return reply.code(202).send({ accepted: events.length, ignored: ignored.length });
  };
}

/** Okta sends one GET when an event hook is created, and expects the value of its header in the response. */
function respondToOktaChallenge(request: FastifyRequest, reply: FastifyReply) {
  const challenge = request.headers["x-okta-verification-challenge"];
  if (typeof challenge !== "string") throw createMethodProblem();
  return reply.header("x-content-type-options", "nosniff").send({ verification: challenge });
}

function respondToHandshake(request: FastifyRequest, reply: FastifyReply) {
  const headers = getHandshakeHeaders(request.headers);
  if (headers === null) throw createMethodProblem();
  return reply.code(200).headers(headers).send();
}

/**
 * Serves `POST /v1/events` in a Fastify scope whose bodies stay raw bytes.
 *
 * Requests are rejected in this order: 404 when no source is configured, 413, 415, 401, 400, 503. Once `record` has
 * resolved, the response is 202 with the numbers of accepted and ignored events, or 204 for a sender that requires an empty one.
 * Errors are problem details (RFC 9457).
 * `OPTIONS` serves the handshake of CloudEvents senders, and `GET` the challenge of Okta.
 */
export function registerEventIngress(app: FastifyInstance, options: EventIngressOptions): void {
  const isConfigured = hasEventSource(options.settings);

  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: maxBodyBytes },
      (_request, body, parsed) => {
        parsed(null, body);
      },
    );
    scope.setErrorHandler(createErrorHandler(options));
    scope.addHook("onRequest", (request, _reply, next) => {
      const detail = "The request body exceeds 1 MiB; send fewer events.";
      if (!isConfigured) next(new HttpProblem("EVENTS_NOT_CONFIGURED"));
      else if (isTooLarge(request)) next(new HttpProblem("PAYLOAD_TOO_LARGE", { detail }));
      else next();
    });
    scope.post(path, { bodyLimit: maxBodyBytes }, createEventReceiver(options));
    scope.get(path, { exposeHeadRoute: false }, respondToOktaChallenge);
    scope.options(path, respondToHandshake);
    done();
  });
}
