import type { Pointer } from "./json-pointer.js";
import type { CustomFormSettings } from "./event-settings.js";
import { createCustomSource } from "./custom-source.js";
import { toSource, type Source, type SourceForm } from "./event-format.js";

/**
 * The dialects with a fixed form, each from its provider's documentation; the first that fits is taken, so the more
 * particular stand first. How a sender proves itself does not depend on the dialect.
 */
const forms: readonly SourceForm[] = [
  {
    name: "clerk",
    marks: { "/object": "event", "/type": true, "/data": true },
    type: ["/type"],
    userId: ["/data/id"],
    time: "/timestamp",
    createdTypes: ["user.created"],
    deletedTypes: ["user.deleted"],
  },
  {
    // In a deletion `record` is null and `old_record` holds what was there. Its times are of the row, not of the
    // deletion, which therefore has the time of its arrival.
    name: "supabase",
    marks: { "/schema": true, "/table": true, "/type": true },
    only: { "/schema": "auth", "/table": "users" },
    type: ["/type"],
    userId: ["/record/id", "/old_record/id"],
    time: "/record/created_at",
    createdTypes: ["INSERT"],
    deletedTypes: ["DELETE"],
  },
  {
    name: "supabase-hook",
    marks: { "/metadata/name": true, "/user": true },
    type: ["/metadata/name"],
    userId: ["/user/id"],
    eventId: "/metadata/uuid",
    time: "/metadata/time",
    createdTypes: ["before-user-created", "after-user-created"],
    deletedTypes: [],
  },
  {
    name: "okta",
    marks: { "/data/events": true },
    events: "/data/events/*",
    type: ["/eventType"],
    userId: ["/target/*[type=User]/id"],
    eventId: "/uuid",
    time: "/published",
    createdTypes: ["user.lifecycle.create"],
    deletedTypes: ["user.lifecycle.delete.initiated"],
  },
  {
    // Only the events after the commit: the plain user.create runs before it, and its user may never exist.
    name: "fusionauth",
    marks: { "/event/type": true },
    type: ["/event/type"],
    userId: ["/event/user/id"],
    eventId: "/event/id",
    time: "/event/createInstant",
    createdTypes: ["user.create.complete"],
    deletedTypes: ["user.delete.complete"],
  },
  {
    name: "workos",
    marks: { "/event": true, "/data": true },
    type: ["/event"],
    userId: ["/data/id"],
    eventId: "/id",
    time: "/created_at",
    createdTypes: ["user.created"],
    deletedTypes: ["user.deleted"],
  },
  {
    name: "stytch",
    marks: { "/action": true, "/object_type": true, "/source": true },
    type: ["/source", "/object_type", "/action"],
    userId: ["/id"],
    eventId: "/event_id",
    time: "/timestamp",
    ...stytchTypes(),
  },
  {
    name: "zitadel",
    marks: { "/aggregateID": true, "/event_type": true },
    type: ["/event_type"],
    userId: ["/aggregateID"],
    time: "/created_at",
    createdTypes: ["user.human.added", "user.human.selfregistered"],
    deletedTypes: ["user.removed"],
  },
];

/** A message with nothing but a type: our own form, which every other one of `type` and `data` resembles. */
const ownForm: SourceForm = {
  name: "own",
  marks: { "/type": true },
  type: ["/type"],
  userId: ["/data/id"],
  time: "/timestamp",
  createdTypes: ["user.created"],
  deletedTypes: ["user.deleted"],
};

/** Consumer projects have users, B2B projects members. */
function stytchTypes() {
  const things = ["DIRECT.user", "DASHBOARD.user", "DIRECT.member", "DASHBOARD.member", "SCIM.member"];
  return {
    createdTypes: things.map((thing) => `${thing}.CREATE`),
    deletedTypes: things.map((thing) => `${thing}.DELETE`),
  };
}

/** CloudEvents 1.0, and Auth0 as the one source of them that names the user elsewhere. */
function cloudEventForms(settings: CustomFormSettings): { form: SourceForm; userId: (Pointer | null)[] }[] {
  const shared = { type: ["/type"], eventId: "/id", time: "/time" };
  const auth0: SourceForm = {
    ...shared,
    name: "auth0",
    marks: { "/type": true, "/data/object/user_id": true },
    userId: ["/data/object/user_id"],
    createdTypes: ["user.created", ...settings.createdTypes],
    deletedTypes: ["user.deleted", ...settings.deletedTypes],
  };
  const any: SourceForm = {
    ...shared,
    name: "cloudevents",
    marks: { "/specversion": true, "/type": true },
    userId: ["/subject"],
    createdTypes: settings.createdTypes,
    deletedTypes: settings.deletedTypes,
  };
  return [
    { form: auth0, userId: [] },
    { form: any, userId: [settings.userId] },
  ];
}

export type Sources = {
  /** In the order in which a message is offered to them. */
  known: readonly Source[];
  /** The one that only the settings know, for what the others make nothing of. */
  custom: Source | null;
};

/** Every source that events can come from. */
export function createSources(settings: CustomFormSettings): Sources {
  return {
    known: [
      ...cloudEventForms(settings).map(({ form, userId }) => toSource(form, userId)),
      ...forms.map((form) => toSource(form)),
      toSource(ownForm),
    ],
    custom: settings.userId === null ? null : createCustomSource(settings, settings.userId),
  };
}
