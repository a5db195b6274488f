import type { Redis } from "ioredis";

/**
 * Where a process tells the others until when Vital asked everybody to wait, as milliseconds since 1970: a channel for
 * those that are there, and a key of the same name for those that come later. Channels are shared by all databases of
 * a Redis, which may serve other gateways in the others.
 */
const toChannel = ({ options }: Redis) => `{vital}:throttled-until:${options.db ?? 0}`;

/** The longest wait that is believed, milliseconds. */
const maxWaitMs = 10 * 60 * 1000;

/**
 * Spreads Vital's "wait" over all processes, also over those that start or reconnect meanwhile. Best effort: a process
 * that does not hear it learns it from Vital with its own next call.
 */
export function createThrottleChannel({
  commands,
  subscriber,
  onThrottled,
}: {
  commands: Redis;
  /** A connection of its own: a subscribed one takes no other commands. */
  subscriber: Redis;
  onThrottled: (until: Date) => void;
}) {
  const channel = toChannel(commands);

  function hear(text: string | null): void {
    const until = Number(text);
    if (until > Date.now() && until < Date.now() + maxWaitMs) onThrottled(new Date(until));
  }

  subscriber.on("message", (_channel: string, text: string) => {
    hear(text);
  });
  subscriber.on("ready", () => {
    // What was said while nobody listened here. The two commands travel together, so that nothing falls in between.
    subscriber.get(channel).then(hear, () => undefined);
    subscriber.subscribe(channel).catch(() => {
      // A connection that is up without the subscription would stay deaf: a new one tries again.
      if (subscriber.status === "ready") subscriber.disconnect(true);
    });
  });

  return {
    announce(until: Date): void {
      const waitMs = until.getTime() - Date.now();
      if (commands.status !== "ready" || waitMs <= 0) return;
      const text = String(until.getTime());
      commands.set(channel, text, "PX", waitMs).catch(() => undefined);
      commands.publish(channel, text).catch(() => undefined);
    },
  };
}
