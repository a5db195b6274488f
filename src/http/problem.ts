import { randomUUID } from "node:crypto";
import type { FastifyReply } from "fastify";
import { errorTable, ServiceError } from "../core/errors.js";

type ProblemEntry = {
  status: number;
  title: string;
  detail: string;
  headers?: Readonly<Record<string, string>>;
};

/** The reasons for which the HTTP layer itself rejects a request, by code. `detail` is the default text. */
const problemTable = {
  BAD_REQUEST: { status: 400, title: "Bad request", detail: "The request is malformed." },
  NOT_FOUND: { status: 404, title: "Not found", detail: "Nothing is served at this path." },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: "Method not allowed",
    detail: "This path supports other methods; see the Allow header.",
  },
  NOT_ACCEPTABLE: {
    status: 406,
    title: "Not acceptable",
    detail: "The Accept header allows no media type that this path offers; accept application/json.",
  },
  REQUEST_TIMEOUT: { status: 408, title: "Request timeout", detail: "The request took too long to arrive." },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    title: "Payload too large",
    detail: "The request body is too large.",
    // The rest of the body is not read, so the connection cannot be used again.
    headers: { connection: "close" },
  },
  URI_TOO_LONG: { status: 414, title: "URI too long", detail: "The path is too long." },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: "Unsupported media type",
    detail: "Unsupported Content-Type; send application/json.",
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: "Headers too large",
    detail: "The request headers are too large.",
  },

  INVALID_JSON: { status: 400, title: "Invalid JSON", detail: "The request body is not valid JSON." },
  UNKNOWN_EVENT_FORM: {
    status: 400,
    title: "Unknown event format",
    detail: "No event type was found; send a supported format, or set EVENTS_USER_ID_POINTER.",
  },
  MISSING_USER_ID: {
    status: 400,
    title: "Missing user id",
    detail: "The event has no user id in the field that its format defines for it.",
  },
  INVALID_USER_ID: { status: 400, title: "Invalid user id", detail: "The user id is invalid." },
  INVALID_EVENT_TIME: {
    status: 400,
    title: "Invalid event time",
    detail: "The event time must be RFC 3339, or seconds or milliseconds since 1970.",
  },
  UNAUTHENTICATED: {
    status: 401,
    title: "Sender not authenticated",
    detail: "The sender is not authenticated.",
    headers: { "www-authenticate": "Bearer" },
  },
  EVENTS_NOT_CONFIGURED: {
    status: 404,
    title: "Events not configured",
    detail: "No event source is configured on this server.",
  },
} as const satisfies Record<string, ProblemEntry>;

type ProblemCode = keyof typeof problemTable;

/** The codes for requests that Fastify or Node.js rejects, by the status that it chooses. */
const codesByStatus: Readonly<Record<number, ProblemCode>> = {
  400: "BAD_REQUEST",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  406: "NOT_ACCEPTABLE",
  408: "REQUEST_TIMEOUT",
  413: "PAYLOAD_TOO_LARGE",
  414: "URI_TOO_LONG",
  415: "UNSUPPORTED_MEDIA_TYPE",
  431: "HEADERS_TOO_LARGE",
};

/** Details for errors of Fastify whose code is more specific than their status. */
const fastifyDetails: Readonly<Record<string, string>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: "The request body is empty; send a JSON object.",
  FST_ERR_CTP_INVALID_JSON_BODY: "The request body is not valid JSON.",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH:
    "The length of the request body differs from the Content-Length header.",
  FST_ERR_BAD_URL: "The path is not a valid URL path.",
};

type HttpProblemDetails = {
  /** Tells the client what to change; the table's text by default. */
  detail?: string;
  headers?: Readonly<Record<string, string>>;
  /** The position of the rejected event in its batch, from 0. */
  index?: number | undefined;
  /** The event source that the rejected event was recognized as. */
  source?: string | undefined;
};

/** A request that the HTTP layer rejects, before any service is called. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly headers: Readonly<Record<string, string>>;
  readonly index: number | undefined;
  readonly source: string | undefined;

  constructor(
    readonly code: ProblemCode,
    { detail = problemTable[code].detail, headers, index, source }: HttpProblemDetails = {},
  ) {
    super(index === undefined ? detail : `Event at index ${index}: ${detail}`);
    const entry: ProblemEntry = problemTable[code];
    this.headers = { ...entry.headers, ...headers };
    this.index = index;
    this.source = source;
  }
}

/** A failed request, as its response and the log describe it. */
export type Problem = {
  /** `http`: rejected by the HTTP layer; `service`: a `ServiceError`; `bug`: anything else, shown without details. */
  origin: "http" | "service" | "bug";
  status: number;
  code: string;
  title: string;
  detail: string;
  headers: Readonly<Record<string, string>>;
  index?: number | undefined;
  source?: string | undefined;
  /** For the log only. */
  reason?: string | undefined;
  /** The id under which a bug is logged. */
  errorId?: string;
};

function fromHttpProblem({ code, message, headers, index, source }: HttpProblem): Problem {
  const { status, title } = problemTable[code];
  return { origin: "http", status, code, title, detail: message, headers, index, source };
}

function fromServiceError({ code, message, reason, retryAfterSeconds }: ServiceError): Problem {
  const { httpStatus, message: title } = errorTable[code];
  const headers: Problem["headers"] =
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  return { origin: "service", status: httpStatus, code, title, detail: message, headers, reason };
}

/** Recognizes Fastify's errors by their status. Their own messages are not shown, because they name Fastify's internals. */
function findHttpProblem(error: unknown): HttpProblem | null {
  if (error instanceof HttpProblem) return error;
  if (typeof error !== "object" || error === null) return null;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  const problemCode = typeof statusCode === "number" ? codesByStatus[statusCode] : undefined;
  if (problemCode === undefined) return null;
  const detail = typeof code === "string" ? fastifyDetails[code] : undefined;
  return new HttpProblem(problemCode, detail === undefined ? {} : { detail });
}

/** Converts anything that was thrown during a request to a problem. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ServiceError) return fromServiceError(error);
  const httpProblem = findHttpProblem(error);
  if (httpProblem !== null) return fromHttpProblem(httpProblem);
  const code = "INTERNAL_SERVER_ERROR";
  const { httpStatus: status, message } = errorTable[code];
  return { origin: "bug", status, code, title: message, detail: message, headers: {}, errorId: randomUUID() };
}

/** Returns the response body of a problem in the format of RFC 9457 (`application/problem+json`). */
export function toProblemBody(problem: Problem, requestId: string): string {
  const { title, status, detail, code, index, errorId } = problem;
  return JSON.stringify({ title, status, detail, code, requestId, index, errorId });
}

export const sendProblem = (reply: FastifyReply, problem: Problem): FastifyReply =>
  reply
    .code(problem.status)
    .headers(problem.headers)
    .type("application/problem+json")
    .send(toProblemBody(problem, reply.request.id));
