import { createCustomSource } from "./custom-source.js";
import { createEventSource, type EventFormat, type EventSource } from "./event-format.js";
import type { CustomFormatSettings } from "./event-settings.js";
import { createKeycloakSource } from "./keycloak-source.js";

/**
 * The formats of identity providers, each from the provider's documentation. The first format that matches is used, so
 * more specific formats come first. How a sender authenticates does not depend on the format.
 */
const providerFormats: readonly EventFormat[] = [
  {
    name: "clerk",
    recognizedBy: { "/object": "event", "/type": true, "/data": true },
    type: ["/type"],
    userId: ["/data/id"],
    time: "/timestamp",
    createdTypes: ["user.created"],
    deletedTypes: ["user.deleted"],
  },
  {
    // In a deletion, `record` is null and `old_record` is the deleted table row. Its times belong to that row, not to the
    // deletion, so the event gets the time of its arrival.
    name: "supabase",
    recognizedBy: { "/schema": true, "/table": true, "/type": true },
    acceptedIf: { "/schema": "auth", "/table": "users" },
    type: ["/type"],
    userId: ["/record/id", "/old_record/id"],
    time: "/record/created_at",
    createdTypes: ["INSERT"],
    deletedTypes: ["DELETE"],
  },
  {
    name: "supabase-hook",
    recognizedBy: { "/metadata/name": true, "/user": true },
    type: ["/metadata/name"],
    userId: ["/user/id"],
    eventId: "/metadata/uuid",
    time: "/metadata/time",
    createdTypes: ["before-user-created", "after-user-created"],
    deletedTypes: [],
  },
  {
    // "Your external service's responses […] should all be empty" (developer.okta.com, "Event hooks").
    name: "okta",
    expectsEmptyResponse: true,
    recognizedBy: { "/data/events": true },
    events: "/data/events/*",
    type: ["/eventType"],
    userId: ["/target/*[type=User]/id"],
    eventId: "/uuid",
    time: "/published",
    createdTypes: ["user.lifecycle.create"],
    deletedTypes: ["user.lifecycle.delete.initiated"],
  },
  {
    // Only the events that are sent after the commit: `user.create` is sent before it, and its user may never exist.
    name: "fusionauth",
    recognizedBy: { "/event/type": true },
    type: ["/event/type"],
    userId: ["/event/user/id"],
    eventId: "/event/id",
    time: "/event/createInstant",
    createdTypes: ["user.create.complete"],
    deletedTypes: ["user.delete.complete"],
  },
  {
    name: "workos",
    recognizedBy: { "/event": true, "/data": true },
    type: ["/event"],
    userId: ["/data/id"],
    eventId: "/id",
    time: "/created_at",
    createdTypes: ["user.created"],
    deletedTypes: ["user.deleted"],
  },
  {
    name: "stytch",
    recognizedBy: { "/action": true, "/object_type": true, "/source": true },
    type: ["/source", "/object_type", "/action"],
    userId: ["/id"],
    eventId: "/event_id",
    time: "/timestamp",
    ...stytchTypes(),
  },
  {
    name: "zitadel",
    recognizedBy: { "/aggregateID": true, "/event_type": true },
    type: ["/event_type"],
    userId: ["/aggregateID"],
    time: "/created_at",
    createdTypes: ["user.human.added", "user.human.selfregistered"],
    deletedTypes: ["user.removed"],
  },
];

/** Our own format. It is tried last, because any message with a `type` matches it. */
const ownFormat: EventFormat = {
  name: "own",
  recognizedBy: { "/type": true },
  type: ["/type"],
  userId: ["/data/id"],
  eventId: "/id",
  time: "/timestamp",
  createdTypes: ["user.created"],
  deletedTypes: ["user.deleted"],
};

/** In Stytch, consumer projects have users, and B2B projects have members. */
function stytchTypes() {
  const objects = ["DIRECT.user", "DASHBOARD.user", "DIRECT.member", "DASHBOARD.member", "SCIM.member"];
  return {
    createdTypes: objects.map((object) => `${object}.CREATE`),
    deletedTypes: objects.map((object) => `${object}.DELETE`),
  };
}

/**
 * Creates the sources of CloudEvents 1.0. Auth0 needs a separate format, because its events have the user id in a
 * different field.
 */
function createCloudEventSources(settings: CustomFormatSettings): EventSource[] {
  const shared = { type: ["/type"], eventId: "/id", time: "/time" };
  const auth0: EventFormat = {
    ...shared,
    name: "auth0",
    recognizedBy: { "/type": true, "/data/object/user_id": true },
    userId: ["/data/object/user_id"],
    createdTypes: ["user.created", ...settings.createdTypes],
    deletedTypes: ["user.deleted", ...settings.deletedTypes],
  };
  const others: EventFormat = {
    ...shared,
    name: "cloudevents",
    recognizedBy: { "/specversion": true, "/type": true },
    userId: ["/subject"],
    createdTypes: settings.createdTypes,
    deletedTypes: settings.deletedTypes,
  };
  return [createEventSource(auth0), createEventSource(others, [settings.userId])];
}

export type EventSources = {
  /** In the order in which they are tried. */
  known: readonly EventSource[];
  /** The source that the settings define, for messages in which no known source finds an event. */
  custom: EventSource | null;
};

/** Creates every source that can send events. */
export function createEventSources(settings: CustomFormatSettings): EventSources {
  return {
    known: [
      ...createCloudEventSources(settings),
      ...providerFormats.map((format) => createEventSource(format)),
      createKeycloakSource(settings),
      createEventSource(ownFormat),
    ],
    custom: settings.userId === null ? null : createCustomSource(settings, settings.userId),
  };
}
