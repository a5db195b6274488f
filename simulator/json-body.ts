import { toValidationError, ApiError } from "./operation.js";

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

/** V8 includes the position in some of its messages. */
function positionOf(error: unknown): number {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  return position === undefined ? 0 : Number(position);
}
