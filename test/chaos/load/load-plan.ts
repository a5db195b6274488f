import type { SignupEventType } from "../../../src/core/mapping/signup-event.js";
import type { SeededRandom } from "../../support/random.js";

export type PlannedEvent = { id: string; type: SignupEventType; appUserId: string; occurredAt: Date };

/** Something of one app user at a time of the run, milliseconds from its beginning. */
type Due<T> = T & { dueAtMs: number };

export type LoadPlan = {
  /** Everyone, with all that signup services have to say of them; nothing of those who only visit. */
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
  /** Every event at least once; some several times, some older ones after newer ones. */
  deliveries: readonly Due<{ event: PlannedEvent }>[];
  /** Some of the events once more, by the queue: at least once, and no safer than Redis is. */
  queueCopies: readonly Due<{ event: PlannedEvent }>[];
  /** App users who ask for a sign-in token. */
  visits: readonly Due<{ appUserId: string }>[];
  /** Vital users that somebody deletes at Vital itself. */
  deletionsAtVital: readonly Due<{ appUserId: string }>[];
};

/** What happens to an app user, in the order of the sender's clock; `same` has the instant of the one before. */
const stories: readonly (readonly (SignupEventType | "same")[])[] = [
  ...Array<SignupEventType[]>(14).fill(["user.created"]),
  ["user.created", "user.created"],
  ["user.created", "user.deleted"],
  ["user.created", "user.deleted"],
  ["user.created", "user.deleted", "user.created"],
  ["user.created", "user.deleted", "user.created", "user.deleted"],
  ["user.created", "same"],
  ["user.deleted"],
];

/** Ids as identity providers give them, and as they should not: taken to the byte, never as a path or a query. */
const idFormats: readonly ((number: number) => string)[] = [
  (number) => `auth0|${number.toString(16).padStart(24, "0")}`,
  (number) => `user_${number}`,
  (number) => String(number),
  (number) => `ü ${number}/%2e%2e/?a=b#c`,
  (number) => `$where.${number}`,
  (number) => `👩‍⚕️:${number}:x`,
];

/** Events came in for an hour before the run, by the sender's clock: their order is not that of their arrival. */
const firstEventAgoMs = 3_600_000;
const lastEventAgoMs = 600_000;

function planEvents(appUserId: string, startedAt: Date, random: SeededRandom): PlannedEvent[] {
  let at = startedAt.getTime() - Math.floor(random.between(lastEventAgoMs, firstEventAgoMs));
  return random.pick(stories).map((step, index) => {
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

/** Most events come in order; some late, some several times, all within the run. */
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

const byDueTime = <T extends { dueAtMs: number }>(list: T[]): T[] =>
  list.sort((one, other) => one.dueAtMs - other.dueAtMs);

/**
 * Plans who signs up, what of it is published when, who asks for a token, and whose Vital user disappears at Vital.
 * The plan is the same for the same `random`, but for the calendar.
 */
export function planLoad(options: {
  signups: number;
  windowMs: number;
  startedAt: Date;
  random: SeededRandom;
}): LoadPlan {
  const { signups, windowMs, startedAt } = options;
  const random = options.random.fork("load");
  const toId = (number: number) => random.pick(idFormats)(number);
  const announced = Array.from({ length: signups }, (_, number) => toId(number));
  const strangers = Array.from({ length: Math.max(10, Math.ceil(signups / 20)) }, (_, number) =>
    toId(1_000_000 + number),
  );

  const users = new Map<string, readonly PlannedEvent[]>(strangers.map((appUserId) => [appUserId, []]));
  for (const appUserId of announced) users.set(appUserId, planEvents(appUserId, startedAt, random));

  const deliveries = [...users.values()].flatMap((events) => planDeliveries(events, windowMs, random));
  const queueCopies = deliveries
    .filter(() => random.chance(0.15))
    .map(({ event, dueAtMs }) => ({ event, dueAtMs: dueAtMs * random.between(0.8, 1.05) }));
  const visits = Array.from({ length: signups }, () => ({
    appUserId: random.pick(random.chance(0.15) ? strangers : announced),
    dueAtMs: random.between(0, windowMs),
  }));
  const deletionsAtVital = random
    .shuffle([...announced, ...strangers])
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
