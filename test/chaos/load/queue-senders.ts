import { createSignupPublisher } from "../../../src/publisher/publisher.js";
import type { PlannedEvent } from "./load-plan.js";
import type { Counters } from "../counters.js";

/** How long a service tries to publish an event. */
const deadlineMs = 10_000;

/**
 * Creates signup services that publish events to the queue. It does not matter if Redis loses them, because the same
 * events are also sent over HTTP. But it must do no harm if workers process them late or twice.
 */
export function createQueueSenders({ redisUrl, counters }: { redisUrl: string; counters: Counters }) {
  const publisher = createSignupPublisher({ redisUrl });
  return {
    async deliver(event: PlannedEvent): Promise<void> {
      const outcome = await publisher.publish(event, { deadlineMs }).then(
        () => "published",
        () => "not published",
      );
      counters.increment("queue", outcome);
    },
    close: () => publisher.close(),
  };
}
