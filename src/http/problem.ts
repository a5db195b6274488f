import { errorTable, ServiceError } from "../core/errors.js";

/** What HTTP itself says no to, by status. */
const problemTable = {
  400: { code: "BAD_REQUEST", title: "Bad request", detail: "The request is malformed." },
  404: { code: "NOT_FOUND", title: "Not found", detail: "Nothing is served at this path." },
  405: {
    code: "METHOD_NOT_ALLOWED",
    title: "Method not allowed",
    detail: "This path takes other methods; see the Allow header.",
  },
  406: {
    code: "NOT_ACCEPTABLE",
    title: "Not acceptable",
    detail: "The Accept header allows no media type that is offered here.",
  },
  408: { code: "REQUEST_TIMEOUT", title: "Request timeout", detail: "The request took too long to arrive." },
  413: {
    code: "PAYLOAD_TOO_LARGE",
    title: "Payload too large",
    detail: "The body is larger than is taken here.",
  },
  414: { code: "URI_TOO_LONG", title: "URI too long", detail: "The path is longer than is taken here." },
  415: {
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "Unsupported media type",
    detail: "The Content-Type is not taken here; send application/json.",
  },
  431: {
    code: "HEADERS_TOO_LARGE",
    title: "Headers too large",
    detail: "The headers are larger than is taken here.",
  },
} as const satisfies Record<number, { code: string; title: string; detail: string }>;

export type ProblemStatus = keyof typeof problemTable;

/** A refusal of the HTTP layer, before any service is asked. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: ProblemStatus,
    { detail, headers = {} }: { detail?: string; headers?: Record<string, string> } = {},
  ) {
    super(detail ?? problemTable[status].detail);
    this.headers = headers;
  }
}

const isProblemStatus = (status: unknown): status is ProblemStatus =>
  typeof status === "number" && Object.hasOwn(problemTable, status);

/** What Fastify names more precisely than by its status. */
const fastifyDetails: Record<string, string> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: "The body is empty; send a JSON object.",
  FST_ERR_CTP_INVALID_JSON_BODY: "The body is not valid JSON.",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "The body is not as long as the Content-Length header says.",
  FST_ERR_BAD_URL: "The path is not a valid URL path.",
};

/**
 * Takes what was thrown and gives the refusal that it is, or `null` for a bug. Fastify's errors are told by their
 * status; their own words are not repeated, for they name its internals.
 */
export function toRefusal(error: unknown): ServiceError | HttpProblem | null {
  if (error instanceof ServiceError || error instanceof HttpProblem) return error;
  if (typeof error !== "object" || error === null) return null;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (!isProblemStatus(statusCode)) return null;
  const detail = typeof code === "string" ? fastifyDetails[code] : undefined;
  return new HttpProblem(statusCode, detail === undefined ? {} : { detail });
}

/** HTTP status and headers of a refusal, `null` standing for a bug. */
export function toResponseHead(refusal: ServiceError | HttpProblem | null): {
  status: number;
  headers: Readonly<Record<string, string>>;
} {
  if (refusal === null) return { status: errorTable.INTERNAL_SERVER_ERROR.httpStatus, headers: {} };
  if (refusal instanceof HttpProblem) return refusal;
  const { retryAfterSeconds } = refusal;
  return {
    status: errorTable[refusal.code].httpStatus,
    headers: retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  };
}

export type Problem = {
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  /** Of a bug: finds it in the log. */
  errorId?: string;
};

/** The body of a refusal by RFC 9457 (`application/problem+json`), `null` standing for a bug. */
export function toProblem(refusal: ServiceError | HttpProblem | null, requestId: string): Problem {
  if (refusal instanceof HttpProblem) {
    const { code, title } = problemTable[refusal.status];
    return { title, status: refusal.status, detail: refusal.message, code, requestId };
  }
  const code = refusal?.code ?? "INTERNAL_SERVER_ERROR";
  const { httpStatus, message } = errorTable[code];
  return { title: message, status: httpStatus, detail: refusal?.message ?? message, code, requestId };
}
