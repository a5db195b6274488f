import type { IncomingHttpHeaders } from "node:http";
import { GraphQLError } from "graphql";
import { HttpProblem } from "../problem.js";

/** Parses JSON like a request body: a member that would change a prototype is an error. */
export type ParseJson = (text: string) => unknown;

const toBadRequest = (detail: string) => new HttpProblem("BAD_REQUEST", { detail });

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads the parameters of a request by GET (GraphQL over HTTP, "GET") into the format of a request body. An empty
 * parameter counts as absent; other parameters are ignored.
 *
 * @throws HttpProblem `BAD_REQUEST` when a parameter is repeated, or is not the JSON object that it should be
 */
export function readQueryParameters(query: unknown, parseJson: ParseJson): Record<string, unknown> {
  const parameters = isObject(query) ? query : {};
  const read = (name: string): string | undefined => {
    const value = parameters[name];
    if (Array.isArray(value)) throw toBadRequest(`Send the parameter ${name} only once.`);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const readObject = (name: string) => {
    const text = read(name);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      throw toBadRequest(`The parameter ${name} is not valid JSON.`);
    }
    if (value === null || isObject(value)) return value ?? undefined;
    throw toBadRequest(`The parameter ${name} must be a JSON object.`);
  };
  const members: [string, unknown][] = [
    ...["query", "operationName", "documentId"].map((name): [string, unknown] => [name, read(name)]),
    ...["variables", "extensions"].map((name): [string, unknown] => [name, readObject(name)]),
  ];
  return Object.fromEntries<unknown>(members.filter(([, value]) => value !== undefined));
}

/**
 * Returns the error for a request that contains no document, or `null` for a request that has one, refers to a persisted
 * query of Apollo, or is not a JSON object: Apollo reports these.
 */
export function findMissingQuery(body: unknown): GraphQLError | null {
  if (!isObject(body)) return null;
  const { query, extensions, documentId } = body;
  const isMissing = query === undefined || query === null || query === "";
  if (!isMissing || (isObject(extensions) && extensions.persistedQuery !== undefined)) return null;
  const message =
    "The request contains no document. Send its full text as `query`; persisted documents are not supported.";
  const code = documentId === undefined ? "BAD_REQUEST" : "PERSISTED_QUERY_NOT_SUPPORTED";
  return new GraphQLError(message, { extensions: { code } });
}

/**
 * Rejects a compressed body, with the header that says which encoding is accepted (RFC 9110 §15.5.16).
 *
 * @throws HttpProblem `UNSUPPORTED_MEDIA_TYPE`
 */
export function assertIdentityEncoding({ "content-encoding": encoding = "" }: IncomingHttpHeaders): void {
  const encodings = encoding.split(",").map((name) => name.trim().toLowerCase());
  if (encodings.every((name) => name === "" || name === "identity")) return;
  throw new HttpProblem("UNSUPPORTED_MEDIA_TYPE", {
    detail: "Unsupported Content-Encoding; send the body uncompressed, as application/json.",
    headers: { "accept-encoding": "identity" },
  });
}
