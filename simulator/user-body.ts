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

type Check = (value: string) => Omit<ValidationItem, "loc" | "input"> | null;

const checkDate: Check = (value) =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
    ? null
    : {
        type: "date_from_datetime_parsing",
        msg: "Input should be a valid date or datetime, invalid date format",
        ctx: { error: "invalid date format" },
      };

const checkTimeZone: Check = (value) => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return null;
  } catch {
    return { type: "value_error", msg: "Value error, not a valid IANA time zone", ctx: { error: {} } };
  }
};

const checks: Record<OptionalField, Check> = {
  fallback_time_zone: checkTimeZone,
  fallback_birth_date: checkDate,
  ingestion_start: checkDate,
  ingestion_end: checkDate,
};

function stringProblem(value: unknown): Pick<ValidationItem, "type" | "msg"> | null {
  if (typeof value !== "string") return { type: "string_type", msg: "Input should be a valid string" };
  if (value.isWellFormed()) return null;
  return {
    type: "string_unicode",
    msg: "Input should be a valid string, unable to parse raw data as a unicode string",
  };
}

function clientUserIdProblem(body: object, isRequired: boolean): ValidationItem[] {
  const loc = ["body", "client_user_id"];
  if (!("client_user_id" in body) || !Object.hasOwn(body, "client_user_id")) {
    return isRequired ? [{ type: "missing", loc, msg: "Field required", input: body }] : [];
  }
  const input: unknown = body.client_user_id;
  if (input === null && !isRequired) {
    const msg = "Value error, client_user_id cannot be null";
    return [{ type: "value_error", loc, msg, input, ctx: { error: {} } }];
  }
  const problem = stringProblem(input);
  return problem === null ? [] : [{ ...problem, loc, input }];
}

function optionalFieldProblem(body: object, field: OptionalField): ValidationItem[] {
  const input = (body as Partial<Record<string, unknown>>)[field];
  if (input === undefined || input === null) return [];
  const problem = stringProblem(input) ?? checks[field](input as string);
  return problem === null ? [] : [{ ...problem, loc: ["body", field], input }];
}

/**
 * Parses the body of a create request (the client user id is required) or of a patch request (it is optional, but never
 * null). An empty client user id is valid, because Vital's schema sets no length.
 *
 * @throws ApiError 422 with every problem.
 */
export function parseUserBody(body: unknown, { isCreate }: { isCreate: boolean }): UserBody {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw toValidationError({
      type: "model_attributes_type",
      loc: ["body"],
      msg: "Input should be a valid dictionary or object to extract fields from",
      input: body,
    });
  }
  const problems = [
    ...clientUserIdProblem(body, isCreate),
    ...optionalFields.flatMap((field) => optionalFieldProblem(body, field)),
  ];
  if (problems.length > 0) throw toValidationError(...problems);
  const known = ["client_user_id", ...optionalFields].filter((field) => Object.hasOwn(body, field));
  return Object.fromEntries(known.map((field) => [field, (body as UserBody)[field as OptionalField]]));
}
