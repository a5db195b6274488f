import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import type { SeededRandom } from "../../support/random.js";

export type PlannedEvent = { id: string; type: SignupEventType; appUserId: string; occurredAt: Date };

/** Work that is due at a time of the run, in milliseconds from its start. */
export type Due<T> = T & { dueAtMs: number };

export type LoadPlan = {
  /** All app users with their events. App users who only request tokens have none. */
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
  /** Every event at least once; some several times, some after newer events of the same app user. */
  deliveries: readonly Due<{ event: PlannedEvent }>[];
  /** Some of the events once more, through the queue. Redis may lose them. */
  queueCopies: readonly Due<{ event: PlannedEvent }>[];
  /** Sign-ins: app users who request a sign-in token. */
  visits: readonly Due<{ appUserId: string }>[];
  /** App users whose Vital user is deleted directly at Vital. */
  deletionsAtVital: readonly Due<{ appUserId: string }>[];
};

/**
 * Events of one app user, in the order of the sender's clock. `same` is a deletion with the same time as the event before it.
 */
const eventSequences: readonly (readonly (SignupEventType | "same")[])[] = [
  ...Array<SignupEventType[]>(14).fill(["user.created"]),
  ["user.created", "user.created"],
  ["user.created", "user.deleted"],
  ["user.created", "user.deleted"],
  ["user.created", "user.deleted", "user.created"],
  ["user.created", "user.deleted", "user.created", "user.deleted"],
  ["user.created", "same"],
  ["user.deleted"],
];

/** Ids in the formats of identity providers, and ids that look like paths, operators or numbers, which must be treated as plain data. */
const idFormats: readonly ((number: number) => string)[] = [
  (number) => `auth0|${number.toString(16).padStart(24, "0")}`,
  (number) => `user_${number}`,
  (number) => String(number),
  (number) => `ü ${number}/%2e%2e/?a=b#c`,
  (number) => `$where.${number}`,
  (number) => `👩‍⚕️:${number}:x`,
];

/** By the sender's clock, all events happened in the hour before the run, in another order than they arrive. */
const firstEventAgoMs = 3_600_000;
const lastEventAgoMs = 600_000;

function planEvents(appUserId: string, startedAt: Date, random: SeededRandom): PlannedEvent[] {
  let at = startedAt.getTime() - Math.floor(random.between(lastEventAgoMs, firstEventAgoMs));
  return random.pick(eventSequences).map((step, index) => {
    if (step !== "same") at += random.integer(1, 20_000);
    const type = step === "same" ? "user.deleted" : step;
    return {
      id: `evt_${random.fork(`${appUserId}/${index}`).next()}`,
      type,
      appUserId,
      occurredAt: new Date(at),
    };
  });
}

/** Most events are delivered in order; some late, some several times, all within the run. */
function planDeliveries(events: readonly PlannedEvent[], windowMs: number, random: SeededRandom) {
  let dueAtMs = random.between(0, windowMs * 0.85);
  const within = (at: number) => Math.min(at, windowMs * 0.95);
  return events.flatMap((event) => {
    dueAtMs += random.between(0, 4_000);
    const lateMs = random.chance(0.2) ? random.between(0, 12_000) : 0;
    const copies = random.chance(0.25) ? random.integer(1, 3) : 0;
    const first = { event, dueAtMs: within(dueAtMs + lateMs) };
    const further = Array.from({ length: copies }, () => ({
      event,
      dueAtMs: within(dueAtMs + random.between(0, 15_000)),
    }));
    return [first, ...further];
  });
}

export const byDueTime = <T extends { dueAtMs: number }>(list: T[]): T[] =>
  list.sort((one, other) => one.dueAtMs - other.dueAtMs);

/**
 * Plans who signs up, which events are sent and when, who requests a token, and whose Vital user is deleted at Vital. The
 * same `random` produces the same plan, except for the dates.
 */
export function planLoad(options: {
  signups: number;
  windowMs: number;
  startedAt: Date;
  random: SeededRandom;
}): LoadPlan {
  const { signups, windowMs, startedAt } = options;
  const random = options.random.fork("population");
  const toId = (number: number) => random.pick(idFormats)(number);
  const signedUp = Array.from({ length: signups }, (_, number) => toId(number));
  const usersWithoutEvents = Array.from({ length: Math.max(10, Math.ceil(signups / 20)) }, (_, number) =>
    toId(1_000_000 + number),
  );

  const users = new Map<string, readonly PlannedEvent[]>(
    usersWithoutEvents.map((appUserId) => [appUserId, []]),
  );
  for (const appUserId of signedUp) users.set(appUserId, planEvents(appUserId, startedAt, random));

  const deliveries = [...users.values()].flatMap((events) => planDeliveries(events, windowMs, random));
  const queueCopies = deliveries
    .filter(() => random.chance(0.15))
    .map(({ event, dueAtMs }) => ({ event, dueAtMs: dueAtMs * random.between(0.8, 1.05) }));
  const visits = Array.from({ length: signups }, () => ({
    appUserId: random.pick(random.chance(0.15) ? usersWithoutEvents : signedUp),
    dueAtMs: random.between(0, windowMs),
  }));
  const deletionsAtVital = random
    .shuffle([...signedUp, ...usersWithoutEvents])
    .slice(0, Math.ceil(signups / 25))
    .map((appUserId) => ({ appUserId, dueAtMs: random.between(windowMs / 4, windowMs) }));
  return {
    users,
    deliveries: byDueTime(deliveries),
    queueCopies: byDueTime(queueCopies),
    visits: byDueTime(visits),
    deletionsAtVital: byDueTime(deletionsAtVital),
  };
}
