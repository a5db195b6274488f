import { gunzipSync } from "node:zlib";

import { type ApiRequest, toValidationError, ApiError } from "./operation.js";

const maxDecompressedBytes = 64 * 1024 * 1024;

const isJson = (contentType: string) => /^\s*application\/(?:[^\s;]+\+)?json\s*(?:;|$)/i.test(contentType);

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new ApiError(400, "There was an error parsing the body");
  }
}

/**
 * Parses a request body as FastAPI does: a missing content type counts as JSON. With another content type the text
 * itself is the value (which is then rejected because it is not an object).
 *
 * @throws ApiError 422 for invalid JSON and for an empty body, 400 for bytes that are not UTF-8.
 */
export function parseJsonBody(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) {
    throw toValidationError({ type: "missing", loc: ["body"], msg: "Field required", input: null });
  }
  const text = decodeText(body);
  if (contentType !== undefined && !isJson(contentType)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw toValidationError({
      type: "json_invalid",
      loc: ["body", positionOf(error)],
      msg: "JSON decode error",
      input: {},
      ctx: { error: "Expecting value" },
    });
  }
}

/** @throws ApiError 422 when a parsed body is not an object. */
export function toObject(body: unknown): object {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  throw toValidationError({
    type: "model_attributes_type",
    loc: ["body"],
    msg: "Input should be a valid dictionary or object to extract fields from",
    input: body,
  });
}

/**
 * Parses a body of the SDK, which compresses the larger ones.
 *
 * @throws ApiError as `parseJsonBody` and `toObject`, and 400 for a body that is not gzip although it should be.
 */
export function parseSdkBody({ body, contentType, contentEncoding }: ApiRequest): object {
  const isCompressed = contentEncoding?.trim().toLowerCase() === "gzip";
  return toObject(parseJsonBody(isCompressed ? decompress(body) : body, contentType));
}

function decompress(body: Buffer): Buffer {
  try {
    return gunzipSync(body, { maxOutputLength: maxDecompressedBytes });
  } catch {
    throw new ApiError(400, "There was an error parsing the body");
  }
}

/** V8 includes the position in some of its messages. */
function positionOf(error: unknown): number {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  return position === undefined ? 0 : Number(position);
}
