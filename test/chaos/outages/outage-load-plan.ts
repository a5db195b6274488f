import type { PlannedEvent } from "../load/load-plan.js";
import type { SeededRandom } from "../../support/random.js";

type Due<T> = T & { dueAtMs: number };

export type OutageLoadPlan = {
  /** They have signed up before, and are active when it begins. */
  before: readonly PlannedEvent[];
  /** Signups while the service is down. */
  signups: readonly Due<{ event: PlannedEvent }>[];
  /** Requests for a token meanwhile: of those from before, and of some whom nobody has announced. */
  visits: readonly Due<{ appUserId: string }>[];
  /** Everyone, with what signup services have to say of them. */
  users: ReadonlyMap<string, readonly PlannedEvent[]>;
};

/** Nothing new in the last moment: that would be after the outage as well as in it. */
const busyShare = 0.97;

const byDueTime = <T extends { dueAtMs: number }>(list: T[]): T[] =>
  list.sort((one, other) => one.dueAtMs - other.dueAtMs);

/**
 * Plans who signs up and who asks while a service is down: as many requests for a token as signups, spread evenly.
 * Nobody who signs up meanwhile asks for a token, so that it is the workers that make them active.
 *
 * @param name tells the app users of one outage from those of another
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
  const announced = list("during", signups).map(toEvent);
  const strangers = list("stranger", Math.ceil(signups / 2));
  const known = Array.from(strangers, () => random.pick(before).appUserId);
  return {
    before,
    signups: byDueTime(announced.map((event) => ({ event, ...due() }))),
    visits: byDueTime([...known, ...strangers].map((appUserId) => ({ appUserId, ...due() }))),
    users: new Map<string, readonly PlannedEvent[]>([
      ...[...before, ...announced].map((event) => [event.appUserId, [event]] as const),
      ...strangers.map((appUserId) => [appUserId, []] as const),
    ]),
  };
}
