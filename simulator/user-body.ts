import { parseDate } from "./date-field.js";
import { toObject } from "./json-body.js";
import { toValidationError, type ValidationItem } from "./operation.js";

const optionalFields = [
  "fallback_time_zone",
  "fallback_birth_date",
  "ingestion_start",
  "ingestion_end",
] as const;
type OptionalField = (typeof optionalFields)[number];

/** A field that was not sent is absent. null is a value: it clears the field. */
export type UserBody = { client_user_id?: string } & Partial<Record<OptionalField, string | null>>;

type Problem = Omit<ValidationItem, "loc" | "input">;
/** Returns the value as it is stored, or Pydantic's problem with it. */
type Parse = (text: string) => { value: string } | { problem: Problem };

const parseDateField: Parse = (text) => {
  const parsed = parseDate(text);
  return "date" in parsed ? { value: parsed.date } : parsed;
};

const isTimeZone = (text: string): boolean => {
  // An offset such as "+01:00" is a time zone for Intl, and no IANA name.
  if (/^[+-]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
};

const parseTimeZone: Parse = (text) =>
  isTimeZone(text)
    ? { value: text }
    : {
        problem: {
          type: "value_error",
          msg: `Value error, Invalid IANA time zone: ${text}`,
          ctx: { error: {} },
        },
      };

const parsers: Record<OptionalField, Parse> = {
  fallback_time_zone: parseTimeZone,
  fallback_birth_date: parseDateField,
  ingestion_start: parseDateField,
  ingestion_end: parseDateField,
};

function stringProblem(value: unknown): Pick<ValidationItem, "type" | "msg"> | null {
  if (typeof value !== "string") return { type: "string_type", msg: "Input should be a valid string" };
  if (value.isWellFormed()) return null;
  return {
    type: "string_unicode",
    msg: "Input should be a valid string, unable to parse raw data as a unicode string",
  };
}

function clientUserIdProblem(
  body: object,
  fields: ReadonlyMap<string, unknown>,
  isRequired: boolean,
): ValidationItem[] {
  const loc = ["body", "client_user_id"];
  const input = fields.get("client_user_id");
  if (input === undefined) {
    return isRequired ? [{ type: "missing", loc, msg: "Field required", input: body }] : [];
  }
  // A patch may have null here for the check of the field, and is rejected by the check of the whole body.
  if (input === null && !isRequired) return [];
  const problem = stringProblem(input);
  return problem === null ? [] : [{ ...problem, loc, input }];
}

type ParsedField = { field: OptionalField } & ({ value: string | null } | { problem: ValidationItem });

function parseOptionalField(fields: ReadonlyMap<string, unknown>, field: OptionalField): ParsedField[] {
  const input = fields.get(field);
  if (input === undefined) return [];
  if (input === null) return [{ field, value: null }];
  const typeProblem = stringProblem(input);
  const parsed = typeProblem === null ? parsers[field](input as string) : { problem: typeProblem };
  return "value" in parsed
    ? [{ field, ...parsed }]
    : [{ field, problem: { ...parsed.problem, loc: ["body", field], input } }];
}

/** Pydantic checks the whole body only after every field of it is valid. */
const toNullIdError = (body: unknown) =>
  toValidationError({
    type: "value_error",
    loc: ["body"],
    msg: "Value error, client_user_id is not a field that can be reset to null.",
    input: body,
    ctx: { error: {} },
  });

/**
 * Parses the body of a create request (the client user id is required) or of a patch request (it is optional, but never
 * null). An empty client user id is valid, because Vital's schema sets no length.
 *
 * @throws ApiError 422 with every problem.
 */
export function parseUserBody(body: unknown, { isCreate }: { isCreate: boolean }): UserBody {
  const object = toObject(body);
  const fields = new Map<string, unknown>(Object.entries(object));
  const idProblems = clientUserIdProblem(object, fields, isCreate);
  const optional = optionalFields.flatMap((field) => parseOptionalField(fields, field));
  const optionalProblems = optional.flatMap((parsed) => ("problem" in parsed ? [parsed.problem] : []));
  // The order of the fields in Vital's schemas: first when creating, last when patching.
  const problems = isCreate ? [...idProblems, ...optionalProblems] : [...optionalProblems, ...idProblems];
  if (problems.length > 0) throw toValidationError(...problems);
  const clientUserId = fields.get("client_user_id");
  if (clientUserId === null) throw toNullIdError(body);
  return {
    ...(typeof clientUserId === "string" && { client_user_id: clientUserId }),
    ...Object.fromEntries(
      optional.flatMap((parsed) => ("value" in parsed ? [[parsed.field, parsed.value]] : [])),
    ),
  };
}
