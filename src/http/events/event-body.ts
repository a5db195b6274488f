import { isUtf8 } from "node:buffer";
import { HttpProblem } from "../problem.js";

const utf8ByteOrderMark = Buffer.from("\ufeff");

/** JSON starts with an ASCII character, so that one of its first two bytes is 0 in UTF-16 and UTF-32 only. */
const isUtf16Or32 = (body: Buffer) =>
  (body[0] === 0xff && body[1] === 0xfe) ||
  (body[0] === 0xfe && body[1] === 0xff) ||
  (body.length > 1 && (body[0] === 0 || body[1] === 0));

function describeEncodingProblem(body: Buffer): string {
  return isUtf16Or32(body)
    ? "The request body is encoded as UTF-16 or UTF-32; send it as UTF-8."
    : "The request body must be well-formed UTF-8.";
}

/**
 * Parses the same bytes that the sender's signature covers, and only well-formed UTF-8. A byte-order mark before the JSON
 * is ignored (RFC 8259 §8.1 permits this).
 *
 * @throws HttpProblem `INVALID_JSON` with what to change
 */
export function parseJson(body: Buffer): unknown {
  // A decoder would replace malformed bytes, and could turn the ids of two users into one.
  if (!isUtf8(body)) throw new HttpProblem("INVALID_JSON", { detail: describeEncodingProblem(body) });
  const hasMark = body.length >= 3 && utf8ByteOrderMark.compare(body, 0, 3) === 0;
  try {
    return JSON.parse(body.toString("utf8", hasMark ? 3 : 0));
  } catch {
    throw new HttpProblem("INVALID_JSON", describeJsonProblem(body));
  }
}

function describeJsonProblem(body: Buffer): { detail?: string } {
  if (body.length === 0) return { detail: "The request body is empty; send a JSON object." };
  if (isUtf16Or32(body)) return { detail: describeEncodingProblem(body) };
  if (body.at(-1) === 0)
    return { detail: "The request body ends with a NUL byte; send only the bytes of the JSON." };
  return {};
}

/** Whether a media type, in lower case and without parameters, is JSON (RFC 6839 §3.1). */
export const isJsonMediaType = (mediaType: string): boolean =>
  mediaType === "application/json" || mediaType === "text/json" || /^[^/]+\/.+\+json$/.test(mediaType);

/** Returns the media type of a `Content-Type` in lower case and without parameters; empty when there is none. */
export const toMediaType = (contentType: string | undefined): string =>
  (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** ASCII is a part of UTF-8. */
const acceptedCharset = /^"?(?:utf-?8|us-ascii)"?$/i;

/** Whether a `Content-Type` names an encoding other than UTF-8. The gateway decodes no other. */
export function hasUnsupportedCharset(contentType: string | undefined): boolean {
  // Most senders name no encoding.
  if (!contentType?.includes(";")) return false;
  const charset = /;\s*charset\s*=\s*("[^"]*"|[^;\s]*)/i.exec(contentType)?.[1];
  return charset !== undefined && !acceptedCharset.test(charset);
}
