import type { SignupEventType } from "../../core/mapping/signup-event.js";
import type { EventSource, RawEvent } from "./event-format.js";
import type { CustomFormatSettings } from "./event-settings.js";

/** Events that users cause themselves, and where the user id is. */
const userEvents: ReadonlyMap<string, SignupEventType> = new Map([
  ["REGISTER", "user.created"],
  ["DELETE_ACCOUNT", "user.deleted"],
]);

/** Events of administrators. Their own ids are in the same fields as those of users in `userEvents`. */
const adminEvents: ReadonlyMap<string, SignupEventType> = new Map([
  ["USER-CREATE", "user.created"],
  ["USER-DELETE", "user.deleted"],
]);

const prefixes = /^(?:access|admin)\./;
/** Other formats that could have a `realmId` write their types in lower case. */
const keycloakType = /^(?:(?:access|admin|system)\..+|[A-Z][A-Z0-9_-]*)$/;

type Message = Readonly<Record<string, unknown>>;

const toMessage = (value: unknown): Message | null =>
  typeof value === "object" && value !== null ? (value as Message) : null;
const isPresent = (value: unknown) => value !== undefined && value !== null;

/** Returns the name of an event without its prefix: `REGISTER`, `USER-CREATE`. */
function toEventName({ type, operationType, resourceType }: Message): string | null {
  if (typeof type === "string") return keycloakType.test(type) ? type.replace(prefixes, "") : null;
  if (typeof operationType !== "string" || typeof resourceType !== "string") return null;
  return `${resourceType}-${operationType}`;
}

/** Extensions that serialize a number of many digits write it as a string. */
const toTime = (time: unknown) =>
  typeof time === "string" && /^\d{1,15}$/.test(time) ? Number(time) : (time ?? undefined);

function parseUserEvent(message: Message, type: SignupEventType): Partial<RawEvent> {
  const userId = message.userId ?? toMessage(message.authDetails)?.userId;
  return { type, userIds: isPresent(userId) ? [userId] : [] };
}

/**
 * The user of an administrator's event is in `resourcePath`, `users/<id>`. A longer path is a part of a user: to remove a
 * link to an identity provider is a `DELETE` of the resource type `USER`, too.
 */
function parseAdminEvent(message: Message, name: string, type: SignupEventType): Partial<RawEvent> {
  const { resourcePath } = message;
  if (typeof resourcePath !== "string") return { type, userIds: [] };
  const userId = /^\/?users\/([^/]+)$/.exec(resourcePath)?.[1];
  return userId === undefined ? { typeName: `${name}.sub-resource` } : { type, userIds: [userId] };
}

/**
 * Creates the source of the event listener extensions for Keycloak. They send Keycloak's `Event` and `AdminEvent` as JSON,
 * either as they are, or in the format of Phase Two's `keycloak-events`, which adds the prefixes `access.` and `admin.`.
 *
 * Sources: `ExtendedAdminEvent.java` of p2-inc/keycloak-events, `WebhookPayload.kt` and
 * `AbstractWebhookEventListenerFactory.kt` of vymalo/keycloak-webhook, `ClientEventNotification.java` and
 * `AdminEventNotification.java` of jessylenne/keycloak-event-listener-http, `UserResource.java` of Keycloak.
 */
export function createKeycloakSource({
  userId: customUserId,
  createdTypes,
  deletedTypes,
}: CustomFormatSettings): EventSource {
  /** A type that the settings name belongs to the format that they define. */
  const isCustom = (type: unknown) =>
    customUserId !== null &&
    typeof type === "string" &&
    (createdTypes.includes(type) || deletedTypes.includes(type));

  /** A minimal extension sends no `realmId`, only one of these types and the user id. */
  const isRecognized = (message: Message, name: string) =>
    isPresent(message.realmId) ||
    isPresent(message.authDetails) ||
    (userEvents.has(name) && isPresent(message.userId)) ||
    (adminEvents.has(name) && isPresent(message.resourcePath));

  return {
    name: "keycloak",
    acceptedTypes: [...userEvents.keys(), ...adminEvents.keys()],
    parse(value) {
      const message = toMessage(value);
      const name = message === null ? null : toEventName(message);
      if (message === null || name === null || !isRecognized(message, name) || isCustom(message.type)) {
        return null;
      }
      const event: RawEvent = {
        type: null,
        typeName: name,
        userIds: [],
        eventId: message.uid ?? message.id ?? undefined,
        time: toTime(message.time),
      };
      if (isPresent(message.error)) return [event];
      const userType = userEvents.get(name);
      if (userType !== undefined) return [{ ...event, ...parseUserEvent(message, userType) }];
      const adminType = adminEvents.get(name);
      return adminType === undefined ? [event] : [{ ...event, ...parseAdminEvent(message, name, adminType) }];
    },
  };
}
