import type { Redis } from "ioredis";

/**
 * Where a process announces until when Vital asked it to wait, as milliseconds since 1970: a channel for the processes
 * that run now, and a key of the same name for those that start later. The name contains the database, because channels
 * are shared by all databases of a Redis, and other databases may belong to other gateways.
 */
const toChannel = ({ options }: Redis) => `{vital}:throttled-until:${options.db ?? 0}`;

/** The wait before a failed subscription is repeated, milliseconds. */
const resubscribeMs = 2_000;

/** A longer wait is ignored, milliseconds. */
const maxWaitMs = 10 * 60 * 1000;

/**
 * Shares a wait that Vital asked for with all processes, including those that start or reconnect during it. This is
 * best effort: a process that misses it learns it from Vital with its own next call.
 */
export function createThrottleChannel({
  commands,
  subscriber,
  onThrottled,
}: {
  commands: Redis;
  /** A separate connection: a subscribed connection accepts no other commands. */
  subscriber: Redis;
  onThrottled: (until: Date) => void;
}) {
  const channel = toChannel(commands);

  function receive(text: string | null): void {
    const until = Number(text);
    if (until > Date.now() && until < Date.now() + maxWaitMs) onThrottled(new Date(until));
  }

  subscriber.on("message", (_channel: string, text: string) => {
    receive(text);
  });
  subscriber.on("ready", () => {
    // The key has what was announced before the subscription. Both commands share a round trip, so nothing is missed.
    subscriber.get(channel).then(receive, () => undefined);
    subscriber.subscribe(channel).catch(() => {
      // Without the subscription this connection would receive nothing: reconnect to try again. Not immediately, because
      // Redis may have refused it for want of a permission.
      setTimeout(() => {
        if (subscriber.status === "ready") subscriber.disconnect(true);
      }, resubscribeMs).unref();
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
