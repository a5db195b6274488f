import { secrets } from "../support/security/test-stack.js";
import type { RawResponse } from "./raw-http.js";

/**
 * Internals that no response may show: stack traces, paths, names of drivers, and error names of Node.js. The only
 * exception is the reason of `/readyz`, which names MongoDB.
 */
const internals =
  /node_modules|\bat \S+ \(|\.[jt]s:\d+|\/(?:work|home|root|usr|tmp)\/|BSON|Mongo(?!DB is not responding)|mongoose|ioredis|bullmq|undici|fastify|FST_ERR|apollo|\bE[A-Z]{4,}\b|\b(?:Type|Range|Reference)Error|(?<!Syntax )Error:|"stack"|\[object /;

/** The error codes that may have status 503. */
const typed503 = new Set(["SERVICE_UNAVAILABLE", "AUTH_UNAVAILABLE", "VITAL_UNAVAILABLE"]);

type ErrorFields = { code?: unknown; requestId?: unknown };
type Body = ErrorFields & { errors?: { message?: unknown; extensions?: ErrorFields }[]; data?: unknown };

function parseBody(text: string): Body | null {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return null;
  }
}

/** A message may repeat what the client sent. */
const isEcho = (word: string, sent: string): boolean => sent.includes(word);

function findInternals(text: string, sent: string): string | null {
  const found = internals.exec(text)?.[0];
  if (found !== undefined && !isEcho(found, sent)) return `the response contains ${JSON.stringify(found)}`;
  const secret = Object.values(secrets).find((value) => text.includes(value));
  return secret !== undefined && !isEcho(secret, sent) ? "the response contains a secret" : null;
}

function findErrorProblem(status: number, parts: readonly ErrorFields[]): string | null {
  for (const { code, requestId } of parts) {
    if (typeof code !== "string") return "an error has no code";
    if (code === "INTERNAL_SERVER_ERROR") return "the code is INTERNAL_SERVER_ERROR";
    if (typeof requestId !== "string") return "an error has no request id";
    if (status === 503 && !typed503.has(code)) return `status 503 with the code ${code}`;
  }
  return null;
}

/** Returns the problem with a response, or `null` if it is correct. With `isHead`, no body is expected. */
export function findResponseProblem(
  { status, headers, body }: RawResponse,
  sent: Buffer,
  isHead: boolean,
): string | null {
  const text = body.toString("utf8");
  if (status >= 500 && status !== 503) return `status ${status}`;
  const leak = findInternals(text, sent.toString("latin1") + sent.toString("utf8"));
  if (leak !== null) return leak;
  if (status < 400 && !text.startsWith('{"errors"') && !text.includes('"errors":[')) return null;
  if (isHead) return null;
  const type = headers.get("content-type") ?? "";
  if (status >= 400 && !/^application\/(problem\+json|json|graphql-response\+json)/.test(type)) {
    return `status ${status} with the Content-Type ${JSON.stringify(type)}`;
  }
  const parsed = parseBody(text);
  if (parsed === null) return `status ${status} with a body that is not JSON`;
  const parts = parsed.errors?.map(({ extensions }) => extensions ?? {}) ?? [parsed];
  return findErrorProblem(status, parts);
}
