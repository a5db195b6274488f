/** Every way in which the event ingress says no to its sender. */
export const refusalTable = {
  BAD_REQUEST: { status: 400, title: "Bad request" },
  INVALID_JSON: { status: 400, title: "The body is not JSON" },
  UNKNOWN_EVENT_FORM: { status: 400, title: "Not an event of a known form" },
  MISSING_USER_ID: { status: 400, title: "The event names no user" },
  INVALID_USER_ID: { status: 400, title: "The user id cannot be one" },
  INVALID_EVENT_TIME: { status: 400, title: "The time of the event cannot be read" },
  UNAUTHENTICATED: { status: 401, title: "The sender is not proven" },
  EVENTS_NOT_CONFIGURED: { status: 404, title: "Events are not taken here" },
  METHOD_NOT_ALLOWED: { status: 405, title: "Events are sent by POST" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The media type is not supported" },
  INTERNAL_SERVER_ERROR: { status: 500, title: "Internal server error" },
  SERVICE_UNAVAILABLE: { status: 503, title: "The event could not be stored" },
} as const satisfies Record<string, { status: number; title: string }>;

export type RefusalCode = keyof typeof refusalTable;

/** Where a refusal belongs: the event of a batch, counted from 0, and the source it was recognised as. */
export type RefusalPlace = { index?: number | undefined; source?: string | undefined };

/** A deliberate answer to the sender; its message is shown as `detail`, and says what to change. */
export class EventRefusal extends Error {
  override readonly name = "EventRefusal";
  readonly index: number | undefined;
  readonly source: string | undefined;

  constructor(
    readonly code: RefusalCode,
    detail: string,
    place: RefusalPlace = {},
  ) {
    super(place.index === undefined ? detail : `Event at index ${place.index}: ${detail}`);
    this.index = place.index;
    this.source = place.source;
  }
}

/** The body of a refusal by RFC 9457. */
export function toProblem(code: RefusalCode, detail: string, requestId: string, index?: number) {
  const { status, title } = refusalTable[code];
  return { title, status, detail, code, requestId, ...(index === undefined ? {} : { index }) };
}
