import { isUtf8 } from "node:buffer";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../core/clock.js";
import { errorTable, ServiceError } from "../../core/errors.js";
import type { SignupEvent } from "../../core/mapping/signup-event.js";
import { withDeadline } from "../deadline.js";
import { HttpProblem } from "../problem.js";
import { getHandshakeHeaders, isBinaryCloudEvent, toStructuredEvent } from "./cloud-events.js";
import { findProof } from "./verify-sender.js";
import { readEvents } from "./read-events.js";
import { EventRefusal, refusalTable, toProblem, type RefusalCode } from "./refusal.js";
import { hasEventSource, type EventSettings } from "./event-settings.js";
import { createSources } from "./event-sources.js";

export type EventOutcome = "accepted" | "ignored" | "refused" | "unavailable";

/** Counted per event; a refusal once per request, as `unknown` when no source was recognised. */
export type EventMetrics = { eventReceived: (source: string, outcome: EventOutcome) => void };

export type EventLogger = {
  warn: (fields: object, message: string) => void;
  error: (fields: object, message: string) => void;
};

export type EventIngressOptions = {
  settings: EventSettings;
  /** Resolves when all of them are stored with majority; throws a `ServiceError` when they cannot be now. */
  record: (events: SignupEvent[]) => Promise<void>;
  /** How long `record` may take before the sender is told to send again, milliseconds; 10,000 unless told. */
  deadlineMs?: number;
  clock: Clock;
  metrics?: EventMetrics | undefined;
  logger?: EventLogger | undefined;
};

const path = "/v1/events";
const maxBodyBytes = 1024 * 1024;
const defaultRetryAfterSeconds = 5;
const mediaTypes = new Set([
  "application/json",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
]);

const toLate = () => new ServiceError("SERVICE_UNAVAILABLE", { reason: "events took too long to store" });

const getMediaType = ({ headers }: FastifyRequest) =>
  (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

const isTooLarge = ({ headers }: FastifyRequest) => Number(headers["content-length"] ?? 0) > maxBodyBytes;
const tooLarge = () =>
  new EventRefusal("PAYLOAD_TOO_LARGE", "the body may have 1 MiB at most; send fewer events");

function assertMediaType(request: FastifyRequest, mediaType: string, body: Buffer): void {
  const isEmptyBinary = body.length === 0 && isBinaryCloudEvent(request.headers, mediaType);
  if (!mediaTypes.has(mediaType) && !isEmptyBinary) {
    throw new EventRefusal("UNSUPPORTED_MEDIA_TYPE", `send one of ${[...mediaTypes].join(", ")}`);
  }
  if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
    throw new EventRefusal("UNSUPPORTED_MEDIA_TYPE", "send the body without content-encoding");
  }
}

/** The proof covers bytes, so it is the bytes that are read: once, and only as well-formed UTF-8. */
function parseJson(body: Buffer): unknown {
  // A decoder would replace what is malformed, and so merge the ids of two users.
  if (!isUtf8(body)) throw new EventRefusal("INVALID_JSON", "the body must be well-formed UTF-8");
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new EventRefusal("INVALID_JSON", "the body must be JSON");
  }
}

/**
 * What the body says, in the form of a message.
 *
 * A signature covers the body, not the headers: a signed message is never read together with `ce-*` headers, which
 * anybody on the way could have put there.
 */
function toMessage(request: FastifyRequest, mediaType: string, body: Buffer, isSigned: boolean): unknown {
  if (!isBinaryCloudEvent(request.headers, mediaType)) return parseJson(body);
  if (isSigned) {
    const detail = "the signature does not cover ce-* headers; send the CloudEvent in structured mode";
    throw new EventRefusal("UNAUTHENTICATED", detail);
  }
  return toStructuredEvent(request.headers, body.length === 0 ? undefined : parseJson(body));
}

/** Refusals that Fastify itself or the server around this route raises, and what becomes of everything else. */
function toRefusal(error: FastifyError | Error): EventRefusal {
  if (error instanceof EventRefusal) return error;
  if (error instanceof ServiceError && errorTable[error.code].httpStatus === 503) {
    return new EventRefusal("SERVICE_UNAVAILABLE", "the event was not stored; send it again");
  }
  if (error instanceof HttpProblem) return new EventRefusal("BAD_REQUEST", error.message);
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) return tooLarge();
  if (status === 415)
    return new EventRefusal("UNSUPPORTED_MEDIA_TYPE", `send one of ${[...mediaTypes].join(", ")}`);
  if (status !== undefined && status >= 400 && status < 500) {
    return new EventRefusal("BAD_REQUEST", "the request cannot be read");
  }
  return new EventRefusal("INTERNAL_SERVER_ERROR", "an error of this server; send the event again");
}

function sendProblem(reply: FastifyReply, refusal: EventRefusal, error: unknown): FastifyReply {
  const status = refusalTable[refusal.code].status;
  if (status === 401) void reply.header("www-authenticate", "Bearer");
  if (status === 405) void reply.header("allow", "POST");
  // The rest of the body is not waited for.
  if (status === 413) void reply.header("connection", "close");
  if (status === 503) {
    const seconds = error instanceof ServiceError ? error.retryAfterSeconds : undefined;
    void reply.header("retry-after", String(seconds ?? defaultRetryAfterSeconds));
  }
  return reply
    .code(status)
    .type("application/problem+json")
    .send(toProblem(refusal.code, refusal.message, reply.request.id, refusal.index));
}

const refusedBeforeReading: ReadonlySet<RefusalCode> = new Set([
  "EVENTS_NOT_CONFIGURED",
  "METHOD_NOT_ALLOWED",
]);

/**
 * Opens `POST /v1/events` on a scope of its own, whose bodies stay raw bytes.
 *
 * Answers are decided in this order: 404 without a configured source, 413, 415, 401, 400, 503; 202 with the counts of
 * what was taken and what was ignored once `record` has resolved. Refusals are problem details (RFC 9457). `OPTIONS`
 * answers the handshake of CloudEvents senders, and `GET` the challenge of Okta.
 */
export function registerEventIngress(app: FastifyInstance, options: EventIngressOptions): void {
  const { settings, record, deadlineMs = 10_000, clock, metrics, logger } = options;
  const sources = createSources(settings.customForm);
  const isConfigured = hasEventSource(settings);

  const count = (from: readonly string[], outcome: EventOutcome) => {
    if (metrics !== undefined) for (const source of from) metrics.eventReceived(source, outcome);
  };

  const authenticate = async (request: FastifyRequest, body: Buffer) => {
    const proof = await findProof({ headers: request.headers, body, nowMs: clock().getTime() }, settings);
    if (proof.by === "nothing") throw new EventRefusal("UNAUTHENTICATED", proof.problem);
    return proof;
  };

  const store = async (events: SignupEvent[], from: readonly string[]) => {
    try {
      if (events.length > 0) await withDeadline(record(events), deadlineMs, toLate);
    } catch (error) {
      count(from, "unavailable");
      throw error;
    }
  };

  const receive = async (request: FastifyRequest, reply: FastifyReply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const mediaType = getMediaType(request);
    assertMediaType(request, mediaType, body);
    const proof = await authenticate(request, body);
    const message = toMessage(request, mediaType, body, proof.by === "signature");
    const messageId = proof.by === "signature" ? proof.messageId : undefined;
    const delivery = { id: messageId ?? request.id, arrivedAt: clock() };
    const { events, acceptedFrom, ignoredFrom } = readEvents(message, sources, delivery);
    await store(events, acceptedFrom);
    count(acceptedFrom, "accepted");
    count(ignoredFrom, "ignored");
    return reply.code(202).send({ accepted: events.length, ignored: ignoredFrom.length });
  };

  const refuse = (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = toRefusal(error);
    const { code, index, source } = refusal;
    const reason = error instanceof ServiceError ? error.reason : undefined;
    const fields = { requestId: request.id, code, index, source, reason };
    if (code === "INTERNAL_SERVER_ERROR") logger?.error({ ...fields, err: error }, "event ingress failed");
    else logger?.warn({ ...fields, detail: refusal.message }, "events refused");
    const isClientFault = refusalTable[code].status < 500 && !refusedBeforeReading.has(code);
    if (isClientFault) metrics?.eventReceived(source ?? "unknown", "refused");
    return sendProblem(reply, refusal, error);
  };

  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: maxBodyBytes },
      (_request, body, parsed) => {
        parsed(null, body);
      },
    );
    scope.setErrorHandler(refuse);
    scope.addHook("onRequest", (request, _reply, next) => {
      if (!isConfigured)
        next(new EventRefusal("EVENTS_NOT_CONFIGURED", "no source of events is configured here"));
      else if (isTooLarge(request)) next(tooLarge());
      else next();
    });

    scope.post(path, { bodyLimit: maxBodyBytes }, receive);

    // Okta: one GET when an event hook is set up, to be answered with what it carries.
    scope.get(path, { exposeHeadRoute: false }, (request, reply) => {
      const challenge = request.headers["x-okta-verification-challenge"];
      if (typeof challenge !== "string") throw new EventRefusal("METHOD_NOT_ALLOWED", "send events by POST");
      return reply.header("x-content-type-options", "nosniff").send({ verification: challenge });
    });

    scope.options(path, (request, reply) => {
      const headers = getHandshakeHeaders(request.headers);
      if (headers === null) throw new EventRefusal("METHOD_NOT_ALLOWED", "send events by POST");
      return reply.code(200).headers(headers).send();
    });
    done();
  });
}
