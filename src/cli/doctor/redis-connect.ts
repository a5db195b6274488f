import type { Redis } from "ioredis";

/** Waits for the first connection. Rejects with the first failure, which says more than "Connection is closed". */
export const whenConnected = (redis: Redis) =>
  new Promise<void>((resolve, reject) => {
    redis.on("error", reject);
    const whenAnswered = redis.connect().then(() =>
      // The connection counts once Redis has replied to the password, whether the user may run PING or not.
      redis.ping().catch((error: unknown) => {
        if (redis.status !== "ready") throw error;
      }),
    );
    whenAnswered.then(() => {
      resolve();
    }, reject);
  });

/** What to change for each reason why there is no connection. The first that fits counts. */
const connectionFixes: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|NOAUTH|AUTH/,
    "set the user name and the password of Redis in REDIS_URL: redis://USER:PASSWORD@HOST",
  ],
  [/certificate/i, "set NODE_EXTRA_CA_CERTS to the file of the CA that signed the certificate of Redis"],
  [/ENOTFOUND|EAI_AGAIN/, "correct the host in REDIS_URL: the name does not resolve"],
  [/ECONNRESET|closed/i, "use rediss:// in REDIS_URL if this server accepts only TLS"],
];

/** Returns what to change in the setting or at the server, for the reason why there is no connection. */
export function toConnectionFix(redisUrl: string, reason: string): string {
  // A server without TLS never replies to the first message of TLS.
  if (redisUrl.startsWith("rediss:") && /ETIMEDOUT|wrong version number|packet length/i.test(reason)) {
    return "check that Redis is running, and use redis:// in REDIS_URL if it does not accept TLS on this port";
  }
  const [, fix] = connectionFixes.find(([pattern]) => pattern.test(reason)) ?? [];
  return fix ?? "check REDIS_URL, and that Redis is running";
}
