import { jobFor, type Wake } from "../provisioning/jobs.js";
import type { MappingWriter } from "./mapping-writer.js";
import { isAhead } from "./event-time.js";
import type { Mapping } from "./mapping.js";
import type { ReceivedEvent } from "./signup-event.js";
import type { Clock } from "../clock.js";

/**
 * Whether a deletion has no effect because a signup has a time that is still to come. One of the two senders has a wrong
 * clock, so the deletion may be the newer event.
 */
function isBlockedDeletion(event: ReceivedEvent, { state, lastEvent }: Mapping, now: Date): boolean {
  if (event.type !== "user.deleted" || state === "deleting" || state === "deleted") return false;
  return lastEvent !== null && isAhead(lastEvent.at, now) && !isAhead(event.occurredAt, now);
}

/**
 * Records the events that signup services publish.
 *
 * @param onBlockedDeletion called when a deletion has no effect because of a signup with a time in the future
 */
export function createSignupEvents({
  writer,
  wake,
  now,
  onBlockedDeletion = () => undefined,
}: {
  writer: Pick<MappingWriter, "apply">;
  wake: Wake;
  now: Clock;
  onBlockedDeletion?: (event: ReceivedEvent) => void;
}) {
  async function recordOne(received: ReceivedEvent): Promise<void> {
    const { id, type, appUserId, occurredAt, key, hasOwnTime } = received;
    const event = { id, type, at: occurredAt, key, hasOwnTime };
    // Most signups are the first event of their user: assume that there is no mapping, and read only if there is one.
    const mapping = await (type === "user.created"
      ? writer.apply(appUserId, { type: "user-created", event }, null)
      : writer.apply(appUserId, { type: "user-deleted", event }));
    if (mapping === null) return;
    if (isBlockedDeletion(received, mapping, now())) onBlockedDeletion(received);
    const job = jobFor[mapping.state];
    if (job !== null) wake(job, appUserId);
  }

  return {
    /**
     * Resolves when a majority of the store's members has stored every event. After that, no event can be lost. Events
     * of one user may arrive late, repeated or out of order.
     *
     * @throws ServiceError `SERVICE_UNAVAILABLE` when any event could not be stored: send all of them again
     */
    async record(events: readonly ReceivedEvent[]): Promise<void> {
      const results = await Promise.allSettled(events.map(recordOne));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

export type SignupEvents = ReturnType<typeof createSignupEvents>;
