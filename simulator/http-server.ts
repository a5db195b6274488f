import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import type { Outcome } from "./apply-fault.js";
import type { ApiResponse, ApiRequest } from "./operation.js";
import type { RequestLog } from "./request-log.js";

const maxBodyBytes = 1024 * 1024;
/** Longer than any path that Node's HTTP parser accepts. */
const maxParameterLength = 65_536;
const unknownPath = "(unknown)";
const notFound: ApiResponse = { status: 404, body: { detail: "Not Found" } };

/**
 * Percent-decodes a path once, as Python's `unquote` does: an escape that is not two hexadecimal digits stays as it is,
 * and bytes that are not UTF-8 become U+FFFD.
 */
const decodePath = (path: string): string =>
  path.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());

/**
 * Vital decodes the path before it routes: `%2F` separates segments as `/` does, and every other escape is the character
 * in its segment (`%3F` is no query, `%2e%2e` is no parent directory, `%252F` is the text `%2F`). Fastify decodes after it
 * routes, so it receives each decoded segment encoded as a whole.
 */
function toRoutedUrl(url: string): string {
  const queryAt = url.indexOf("?");
  const [path, query] = queryAt < 0 ? [url, ""] : [url.slice(0, queryAt), url.slice(queryAt)];
  return decodePath(path).split("/").map(encodeURIComponent).join("/") + query;
}

/** Reads what an operation needs from a request. */
export function toApiRequest(request: FastifyRequest): ApiRequest {
  const url = request.raw.url ?? "";
  const queryAt = url.indexOf("?");
  return {
    params: { user_id: "", client_user_id: "", provider: "", ...(request.params as object) },
    query: new URLSearchParams(queryAt < 0 ? "" : url.slice(queryAt)),
    contentType: request.headers["content-type"],
    contentEncoding: request.headers["content-encoding"],
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  };
}

function sendResponse(reply: FastifyReply, { status, body, headers = {} }: ApiResponse): FastifyReply {
  reply.code(status);
  if (body === undefined) return reply.send();
  if (typeof body === "string" && "content-type" in headers) return reply.headers(headers).send(body);
  // Fastify adds a charset to the content type of a string, which Vital does not send.
  const bytes = Buffer.from(JSON.stringify(body));
  return reply.header("content-type", "application/json").headers(headers).send(bytes);
}

/** Sends the response, or ends the connection as the fault demands: a plain close, or a TCP reset. */
export function sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
  if (typeof outcome === "object") return sendResponse(reply, outcome);
  reply.hijack();
  const { socket } = reply.request.raw;
  if (outcome === "reset") socket.resetAndDestroy();
  else socket.destroy();
  return reply;
}

function toErrorResponse(status: number): ApiResponse {
  if (status >= 500) {
    return { status: 500, body: "Internal Server Error", headers: { "content-type": "text/plain" } };
  }
  const detail = status === 413 ? "Request Entity Too Large" : "There was an error parsing the body";
  return { status: status === 413 ? 413 : 400, body: { detail } };
}

/** Creates a Fastify server that leaves bodies as bytes and sends errors in Vital's formats. */
export function createHttpServer(log: RequestLog): FastifyInstance {
  const reject = (request: FastifyRequest, reply: FastifyReply, path: string, response: ApiResponse) => {
    log.record(request.method, path, null)(response.status);
    return sendResponse(reply, response);
  };
  const server = Fastify({
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: maxParameterLength },
    rewriteUrl: (request) => toRoutedUrl(request.url ?? "/"),
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  server.setNotFoundHandler((request, reply) => reject(request, reply, unknownPath, notFound));
  server.setErrorHandler((error: { statusCode?: number }, request, reply) =>
    reject(request, reply, request.routeOptions.url ?? unknownPath, toErrorResponse(error.statusCode ?? 500)),
  );
  return server;
}
