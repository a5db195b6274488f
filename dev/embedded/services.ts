import { createSettingsReader, type Environment } from "../../src/config/settings-reader.js";
import { startEmbeddedMongo, type EmbeddedMongo } from "./mongo.js";
import { startEmbeddedRedis, type EmbeddedRedis } from "./redis.js";
import type { Print } from "./server.js";

type EmbeddedServices = {
  mongodbUrl: string;
  redisUrl: string;
  /** `mongo` and `redis` are `null` when the environment names a server. `stop` does not stop that server. */
  mongo: EmbeddedMongo | null;
  redis: EmbeddedRedis | null;
  /** Stops the servers that were started here and removes their folders. */
  stop(): Promise<void>;
};

function readConfiguredUrls(env: Environment) {
  const settings = createSettingsReader(env);
  const urls = { mongodbUrl: settings.secret("MONGODB_URL"), redisUrl: settings.secret("REDIS_URL") };
  if (settings.problems.length > 0) throw new Error(settings.problems.join("\n"));
  return urls;
}

/** Waits for all servers. When one fails, stops the others and throws its error. */
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
 * Provides MongoDB and Redis for the demo, for development and for the tests. Uses the servers that `MONGODB_URL` and
 * `REDIS_URL` name, if they are set. Starts the others, which end with this process. This process stays alive until
 * `stop`.
 *
 * @param options `print` is called with one line for each step; `env` is the environment to read (`PATH`,
 * `VITAL_GATEWAY_CACHE_DIR`, the two URLs).
 * @throws Error that says what to install or which variable to set when no server is available.
 */
export async function startEmbeddedServices(options: {
  print: Print;
  env: Environment;
}): Promise<EmbeddedServices> {
  const configured = readConfiguredUrls(options.env);
  if (configured.mongodbUrl !== undefined) options.print("MongoDB: using the server in MONGODB_URL.");
  if (configured.redisUrl !== undefined) options.print("Redis: using the server in REDIS_URL.");
  const [mongo, redis] = await allOrNone<[EmbeddedMongo | null, EmbeddedRedis | null]>([
    configured.mongodbUrl === undefined ? startEmbeddedMongo(options) : Promise.resolve(null),
    configured.redisUrl === undefined ? startEmbeddedRedis(options) : Promise.resolve(null),
  ]);
  return {
    mongodbUrl: configured.mongodbUrl ?? mongo?.url ?? "",
    redisUrl: configured.redisUrl ?? redis?.url ?? "",
    mongo,
    redis,
    async stop() {
      await Promise.all([mongo?.stop(), redis?.stop()]);
    },
  };
}
