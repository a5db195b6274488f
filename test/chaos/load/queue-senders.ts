import { createSignupPublisher } from "../../../src/publisher/publisher.js";
import type { PlannedEvent } from "./load-plan.js";
import type { Counters } from "../counters.js";

/** How long a service tries to put an event into the queue. */
const deadlineMs = 10_000;

/**
 * Services that put events into the queue. What is lost with Redis there counts for nothing: the same events are also
 * sent by HTTP. But what the workers take from the queue, late or twice, must do no harm.
 */
export function createQueueSenders({ redisUrl, counters }: { redisUrl: string; counters: Counters }) {
  const publisher = createSignupPublisher({ redisUrl });
  return {
    async deliver(event: PlannedEvent): Promise<void> {
      const outcome = await publisher.publish(event, { deadlineMs }).then(
        () => "taken",
        () => "given up",
      );
      counters.increment("queue", outcome);
    },
    close: () => publisher.close(),
  };
}
