import { jobFor, type Wake } from "../provisioning/jobs.js";
import type { MappingWriter } from "./mapping-writer.js";
import type { SignupEvent } from "./signup-event.js";

/** Records the events that signup services publish. */
export function createSignupEvents({ writer, wake }: { writer: Pick<MappingWriter, "apply">; wake: Wake }) {
  async function recordOne({ id, type, appUserId, occurredAt }: SignupEvent): Promise<void> {
    const event = { id, type, at: occurredAt };
    // Most signups are the first event of their user: assume that there is no mapping, and read only if there is one.
    const mapping = await (type === "user.created"
      ? writer.apply(appUserId, { type: "user-created", event }, null)
      : writer.apply(appUserId, { type: "user-deleted", event }));
    const job = mapping === null ? null : jobFor[mapping.state];
    if (job !== null) wake(job, appUserId);
  }

  return {
    /**
     * Resolves when a majority of the store's members has stored every event. After that, no event can be lost. Events
     * of one user may arrive late, repeated or out of order.
     *
     * @throws ServiceError `SERVICE_UNAVAILABLE` when any event could not be stored: send all of them again
     */
    async record(events: readonly SignupEvent[]): Promise<void> {
      const results = await Promise.allSettled(events.map(recordOne));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

export type SignupEvents = ReturnType<typeof createSignupEvents>;
