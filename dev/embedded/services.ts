import { createSettingsReader, type Environment } from "../../src/config/settings-reader.js";
import { startEmbeddedMongo, type EmbeddedMongo } from "./mongo.js";
import { startEmbeddedRedis, type EmbeddedRedis } from "./redis.js";
import type { Print } from "./server.js";

export type EmbeddedServices = {
  mongodbUrl: string;
  redisUrl: string;
  /** `null` where the environment names a server: that one is not ours to stop. */
  mongo: EmbeddedMongo | null;
  redis: EmbeddedRedis | null;
  /** Ends what was started here and removes its folders. */
  stop(): Promise<void>;
};

function readGivenUrls(env: Environment) {
  const settings = createSettingsReader(env);
  const urls = { mongodbUrl: settings.secret("MONGODB_URL"), redisUrl: settings.secret("REDIS_URL") };
  if (settings.problems.length > 0) throw new Error(settings.problems.join("\n"));
  return urls;
}

/** Waits for all; when one fails, stops the others and throws its error. */
async function allOrNone<T extends readonly ({ stop(): Promise<void> } | null)[]>(starting: {
  [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const results = await Promise.allSettled(starting);
  const failure = results.find((result) => result.status === "rejected");
  if (failure === undefined) return await Promise.all(starting);
  for (const result of results) {
    if (result.status === "fulfilled") await result.value?.stop();
  }
  throw failure.reason;
}

/**
 * MongoDB and Redis for the demo, for development and for the tests: what `MONGODB_URL` and `REDIS_URL` name is used
 * as it is, the rest is started here and ends with this process. It keeps this process alive until `stop`.
 *
 * @param options `say` takes one line for each step; `env` is the environment to look in (`PATH`,
 * `VITAL_GATEWAY_CACHE_DIR`, the two URLs).
 * @throws Error that names what to install or which variable to set when there is no server to be had.
 */
export async function startEmbeddedServices(options: {
  print: Print;
  env: Environment;
}): Promise<EmbeddedServices> {
  const given = readGivenUrls(options.env);
  if (given.mongodbUrl !== undefined) options.print("MongoDB: using the one that MONGODB_URL names.");
  if (given.redisUrl !== undefined) options.print("Redis: using the one that REDIS_URL names.");
  const [mongo, redis] = await allOrNone<[EmbeddedMongo | null, EmbeddedRedis | null]>([
    given.mongodbUrl === undefined ? startEmbeddedMongo(options) : Promise.resolve(null),
    given.redisUrl === undefined ? startEmbeddedRedis(options) : Promise.resolve(null),
  ]);
  return {
    mongodbUrl: given.mongodbUrl ?? mongo?.url ?? "",
    redisUrl: given.redisUrl ?? redis?.url ?? "",
    mongo,
    redis,
    async stop() {
      await Promise.all([mongo?.stop(), redis?.stop()]);
    },
  };
}
