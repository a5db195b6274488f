import { toValidationError, ApiError } from "./operation.js";

/** Returns a UUID, with or without hyphens, in lower case with hyphens; `null` for anything else. */
function toUuid(text: string): string | null {
  const match = /^([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})$/i.exec(text);
  if (match === null) return null;
  const [, first, , ...others] = match;
  return [first, ...others].join("-").toLowerCase();
}

/** @throws ApiError 422 with a list, as the FastAPI routes return it. */
export function parseUserId(text: string, where: "path" | "query" | "body" = "path"): string {
  const userId = toUuid(text);
  if (userId !== null) return userId;
  throw toValidationError({
    type: "uuid_parsing",
    loc: [where, "user_id"],
    msg: `Input should be a valid UUID, invalid length: found ${text.length}`,
    input: text,
    ctx: { error: `invalid length: found ${text.length}` },
  });
}

/** @throws ApiError 422 with a string, because Vital reads single users in a service written in another language. */
export function parseUserIdOfRead(text: string): string {
  const userId = toUuid(text);
  if (userId !== null) return userId;
  const bytes = Buffer.byteLength(text);
  const reason = bytes === 36 || bytes === 32 ? "invalid UUID format" : `invalid UUID length: ${bytes}`;
  throw new ApiError(
    422,
    `Invalid format for parameter user_id: error unmarshaling '${text}' text as *uuid.UUID: ${reason}`,
  );
}

/** Accepts any integers. The defaults are those of Vital's docs. */
export function parseListQuery(query: URLSearchParams): { offset: number; limit: number } {
  const parseWholeNumber = (name: string, fallback: number): number => {
    const input = query.get(name);
    if (input === null) return fallback;
    if (/^[+-]?\d{1,15}$/.test(input)) return Number(input);
    throw toValidationError({
      type: "int_parsing",
      loc: ["query", name],
      msg: "Input should be a valid integer, unable to parse string as an integer",
      input,
    });
  };
  return { offset: parseWholeNumber("offset", 0), limit: parseWholeNumber("limit", 100) };
}
