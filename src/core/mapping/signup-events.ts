import { jobFor, type Wake } from "../provisioning/jobs.js";
import type { MappingWriter } from "./mapping-writer.js";
import type { SignupEvent } from "./signup-event.js";

/** Takes in what signup services publish. */
export function createSignupEvents({ writer, wake }: { writer: MappingWriter; wake: Wake }) {
  async function recordOne({ id, type, appUserId, occurredAt }: SignupEvent): Promise<void> {
    const event = { id, type, at: occurredAt };
    // A signup is mostly the first that is heard of a user: assume that, and look only when it turns out otherwise.
    const row = await (type === "user.created"
      ? writer.apply(appUserId, { type: "user-created", event }, null)
      : writer.apply(appUserId, { type: "user-deleted", event }));
    const job = row === null ? null : jobFor[row.state];
    if (job !== null) wake(job, appUserId);
  }

  return {
    /**
     * Resolves when every event is stored with majority; what comes of them is then only a matter of time. Events of
     * one user may come late, repeated or out of order.
     * @throws ServiceError `SERVICE_UNAVAILABLE` when any of them could not be stored: send all of them again
     */
    async record(events: readonly SignupEvent[]): Promise<void> {
      const results = await Promise.allSettled(events.map(recordOne));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

export type SignupEvents = ReturnType<typeof createSignupEvents>;
