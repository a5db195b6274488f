import { byDueTime, type Due, type PlannedEvent } from "../load/load-plan.js";
import type { SeededRandom } from "../../support/random.js";

export type OutageLoadPlan = {
  /** Events of app users who sign up before the outage and are active when it starts. */
  before: readonly PlannedEvent[];
  /** Signups while the service is down. */
  signups: readonly Due<{ event: PlannedEvent }>[];
  /** Sign-ins while the service is down: of app users who signed up before, and of app users without any event. */
  visits: readonly Due<{ appUserId: string }>[];
  /** All app users with their events. */
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
};

/** No new work starts at the very end of the outage, because some of it would be done only afterwards. */
const busyShare = 0.97;

/**
 * Plans who signs up and who signs in while a service is down: as many sign-ins as signups, spread evenly. App users who
 * sign up during the outage do not request tokens, so that only the workers can make them active.
 *
 * @param name distinguishes the app users of one outage from those of another
 */
export function planOutageLoad(options: {
  name: string;
  signups: number;
  windowMs: number;
  startedAt: Date;
  random: SeededRandom;
}): OutageLoadPlan {
  const { name, signups, windowMs, startedAt } = options;
  const random = options.random.fork(name);
  const list = (kind: string, count: number) =>
    Array.from({ length: Math.max(1, count) }, (_, number) => `${name}|${kind}|${number}`);
  const toEvent = (appUserId: string): PlannedEvent => ({
    id: `evt_${random.fork(appUserId).next()}`,
    type: "user.created",
    appUserId,
    occurredAt: startedAt,
  });
  const due = () => ({ dueAtMs: random.between(0, windowMs * busyShare) });

  const before = list("before", Math.ceil(signups / 5)).map(toEvent);
  const signedUp = list("during", signups).map(toEvent);
  const withoutEvents = list("without-events", Math.ceil(signups / 2));
  const known = Array.from(withoutEvents, () => random.pick(before).appUserId);
  return {
    before,
    signups: byDueTime(signedUp.map((event) => ({ event, ...due() }))),
    visits: byDueTime([...known, ...withoutEvents].map((appUserId) => ({ appUserId, ...due() }))),
    users: new Map<string, readonly PlannedEvent[]>([
      ...[...before, ...signedUp].map((event) => [event.appUserId, [event]] as const),
      ...withoutEvents.map((appUserId) => [appUserId, []] as const),
    ]),
  };
}
