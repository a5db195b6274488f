import type { Clock } from "../core/clock.js";
import { isAhead } from "../core/mapping/event-time.js";
import type { ReceivedEvent } from "../core/mapping/signup-event.js";
import type { Logger } from "./logger.js";
import type { Metrics } from "./metrics.js";

/** A wrong clock stays wrong: one line per source in this time is enough, milliseconds. */
const quietMs = 10 * 60_000;

/** The sources are those of the metrics: few. */
function createThrottle(now: Clock) {
  const loggedAtMs = new Map<string, number>();
  return (topic: string): boolean => {
    const nowMs = now().getTime();
    const isQuiet = nowMs - (loggedAtMs.get(topic) ?? -Infinity) < quietMs;
    if (!isQuiet) loggedAtMs.set(topic, nowMs);
    return !isQuiet;
  };
}

/** Reports event times that only a wrong clock explains. They are stored unchanged, because order rests on them. */
export function createEventClocks({
  log,
  metrics,
  now,
}: {
  log: Logger;
  metrics: Pick<Metrics, "eventAhead" | "deletionBlocked">;
  now: Clock;
}) {
  const mayLog = createThrottle(now);

  return {
    /** Reports an event whose time is more than five minutes ahead. */
    check(source: string, { occurredAt }: Pick<ReceivedEvent, "occurredAt">): void {
      const arrivedAt = now();
      if (!isAhead(occurredAt, arrivedAt)) return;
      metrics.eventAhead(source);
      if (!mayLog(source)) return;
      const aheadSeconds = Math.round((occurredAt.getTime() - arrivedAt.getTime()) / 1000);
      log.warn({ source, aheadSeconds }, "the time of an event is in the future; check the sender's clock");
    },

    /** Reports a deletion that has no effect, because a signup has a time that is still to come. */
    deletionBlocked({ key }: Pick<ReceivedEvent, "key">): void {
      metrics.deletionBlocked();
      if (!mayLog("blocked deletion")) return;
      log.warn(
        { eventKey: key },
        "a deletion was not applied, because a signup of its user has a time in the future",
      );
    },
  };
}

export type EventClocks = ReturnType<typeof createEventClocks>;
