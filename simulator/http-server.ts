import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import type { Outcome } from "./apply-fault.js";
import type { ApiResponse, ApiRequest } from "./operation.js";
import type { RequestLog } from "./request-log.js";

const maxBodyBytes = 1024 * 1024;
/** Longer than any path that Node's HTTP parser accepts. */
const maxParameterLength = 65_536;
const unknownPath = "(unknown)";
const notFound: ApiResponse = { status: 404, body: { detail: "Not Found" } };

/** Reads what an operation needs from a request. The path stays encoded, because routers decode parts of it twice. */
export function toApiRequest(request: FastifyRequest): ApiRequest {
  const url = request.raw.url ?? "";
  const queryAt = url.indexOf("?");
  const { user_id: userId = "" } = request.params as { user_id?: string };
  return {
    path: queryAt < 0 ? url : url.slice(0, queryAt),
    userId,
    query: new URLSearchParams(queryAt < 0 ? "" : url.slice(queryAt)),
    contentType: request.headers["content-type"],
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  };
}

function sendResponse(reply: FastifyReply, { status, body, headers = {} }: ApiResponse): FastifyReply {
  reply.code(status);
  if (body === undefined) return reply.send();
  if (typeof body === "string" && "content-type" in headers) return reply.headers(headers).send(body);
  return reply.header("content-type", "application/json").headers(headers).send(JSON.stringify(body));
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
    // Called for a path that cannot be decoded.
    frameworkErrors: (_error, request, reply) => void reject(request, reply, unknownPath, notFound),
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
