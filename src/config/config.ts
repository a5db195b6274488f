import { readAuthSettings } from "../auth/settings/auth-settings.js";
import { readCors } from "./cors-settings.js";
import { checkEventPairing } from "./event-pairing.js";
import { readEventSettings } from "../http/events/event-settings.js";
import { readOutboundProxies, readTrustedProxies } from "./network-settings.js";
import {
  ConfigError,
  createSettingsReader,
  type Environment,
  type SettingsReader,
} from "./settings-reader.js";
import { checkMongoUrl, MongoUrlError, mongoUrlHint } from "../mongo/mongo-url.js";
import { parseRedisUrl, RedisUrlError, redisUrlHint } from "../queue/redis-url.js";
import { logLevels } from "../telemetry/logger.js";
import { apiKeyHint, parseApiKey } from "../vital/api-key.js";

function readMongoUrl(reader: SettingsReader): string {
  const url = reader.requiredSecret("MONGODB_URL", `set it to ${mongoUrlHint}`);
  try {
    if (url !== "") for (const note of checkMongoUrl(url)) reader.note("MONGODB_URL", note);
  } catch (error) {
    if (!(error instanceof MongoUrlError)) throw error;
    reader.problem("MONGODB_URL", error.message);
  }
  return url;
}

function readRedisUrl(reader: SettingsReader): string {
  const url = reader.requiredSecret("REDIS_URL", `set it to ${redisUrlHint}`);
  try {
    if (url !== "") parseRedisUrl(url);
  } catch (error) {
    if (!(error instanceof RedisUrlError)) throw error;
    reader.problem("REDIS_URL", error.message);
  }
  return url;
}

/** Reads the URL of an HTTP service. A part of it that would be ignored, such as a query, is a problem. */
function readHttpUrl(reader: SettingsReader, name: string, value: string, hint: string): string {
  if (value === "") return value;
  const url = URL.canParse(value) ? new URL(value) : null;
  const isHttp = url !== null && ["https:", "http:"].includes(url.protocol);
  // The value is not repeated, because it may contain a password.
  if (!isHttp) reader.problem(name, `must be a URL such as ${hint}`);
  else if (`${url.username}${url.password}${url.search}${url.hash}` !== "")
    reader.problem(
      name,
      `must not contain a user name, a password, a query (?) or a fragment (#); write ${hint}`,
    );
  return value;
}

function readVital(reader: SettingsReader) {
  const apiKey = reader.requiredSecret("VITAL_API_KEY", apiKeyHint);
  const parsed = parseApiKey(apiKey);
  if (apiKey !== "" && parsed === null) reader.problem("VITAL_API_KEY", `must be ${apiKeyHint}`);
  const url = reader.text("VITAL_API_URL") ?? parsed?.apiUrl ?? "";
  if (/\/v\d+\/*$/.test(url)) reader.problem("VITAL_API_URL", "must not end with the API version; remove it");
  return {
    apiKey,
    deployment: parsed?.deployment ?? { environment: "sandbox" as const, region: "us" as const },
    apiUrl: readHttpUrl(reader, "VITAL_API_URL", url, "https://vital.example.com"),
    timeoutMs: reader.integer("VITAL_TIMEOUT_MS", { default: 5_000, min: 100, max: 60_000 }),
  };
}

const readPort = (reader: SettingsReader, name: string, port: number) =>
  reader.integer(name, { default: port, min: 0, max: 65_535 });

function readAdmin(reader: SettingsReader) {
  const password = reader.secret("ADMIN_PASSWORD");
  if (password !== undefined && password.length < 8)
    reader.problem("ADMIN_PASSWORD", "must have at least 8 characters");
  return {
    port: readPort(reader, "ADMIN_PORT", 9464),
    host: reader.host("ADMIN_HOST", "127.0.0.1"),
    password: password ?? null,
  };
}

const readLogLevel = (reader: SettingsReader) => reader.choice("LOG_LEVEL", logLevels, "info");

/** The settings that gateway and worker share. */
const readServices = (reader: SettingsReader) => ({
  vital: readVital(reader),
  proxies: readOutboundProxies(reader),
  mongodbUrl: readMongoUrl(reader),
  redisUrl: readRedisUrl(reader),
  admin: readAdmin(reader),
  logLevel: readLogLevel(reader),
  workerConcurrency: reader.integer("WORKER_CONCURRENCY", { default: 50, min: 1, max: 1_000 }),
});

function readPublicUrl(reader: SettingsReader): string | null {
  const url = reader.text("GATEWAY_PUBLIC_URL")?.replace(/\/+$/, "");
  return url === undefined
    ? null
    : readHttpUrl(reader, "GATEWAY_PUBLIC_URL", url, "https://gateway.example.com");
}

function readAuthAndEvents(reader: SettingsReader) {
  const auth = readAuthSettings(reader);
  const events = readEventSettings(reader);
  checkEventPairing(reader, auth, events);
  return { auth, events };
}

/** Both ports listen in one process. Port 0 is any free port. */
function readGatewayPort(reader: SettingsReader, adminPort: number): number {
  const port = readPort(reader, "GATEWAY_PORT", 4000);
  if (port !== 0 && port === adminPort)
    reader.problem("GATEWAY_PORT", `must differ from ADMIN_PORT, which is ${adminPort} too`);
  return port;
}

const readGateway = (reader: SettingsReader) => {
  const services = readServices(reader);
  return { ...services, ...readGatewayOnly(reader, services.admin.port) };
};

const readGatewayOnly = (reader: SettingsReader, adminPort: number) => ({
  ...readAuthAndEvents(reader),
  host: reader.host("GATEWAY_HOST", "0.0.0.0"),
  port: readGatewayPort(reader, adminPort),
  publicUrl: readPublicUrl(reader),
  deadlineMs: reader.integer("GATEWAY_DEADLINE_MS", { default: 10_000, min: 500, max: 120_000 }),
  tokensPerMinute: reader.integer("GATEWAY_TOKENS_PER_MINUTE", { default: 10, min: 0, max: 1_000_000 }),
  authFailuresPerMinute: reader.integer("GATEWAY_AUTH_FAILURES_PER_MINUTE", {
    default: 300,
    min: 0,
    max: 1_000_000,
  }),
  introspection: reader.boolean("GATEWAY_INTROSPECTION"),
  cors: readCors(reader),
  trustedProxies: readTrustedProxies(reader),
  keepAliveSeconds: reader.integer("GATEWAY_KEEP_ALIVE_SECONDS", { default: 620, min: 1, max: 7_200 }),
});

const readWorker = (reader: SettingsReader) => ({
  ...readServices(reader),
  vitalRateLimit: reader.integer("WORKER_VITAL_RATE_LIMIT", { default: 0, min: 0, max: 1_000_000 }),
});

const readStore = (reader: SettingsReader) => ({
  mongodbUrl: readMongoUrl(reader),
  logLevel: readLogLevel(reader),
});

/** `vital-gateway publish` signs its events with the first signing secret of the gateway. */
function readPublish(reader: SettingsReader) {
  const name = "EVENTS_SIGNING_SECRETS";
  const signingSecret = reader.secretList(name).find((secret) => secret.startsWith("whsec_"));
  if (signingSecret === undefined)
    reader.problem(name, "is required: set it to the whsec_… secret of the gateway");
  return {
    gatewayUrl: `http://127.0.0.1:${readPort(reader, "GATEWAY_PORT", 4000)}`,
    signingSecret: signingSecret ?? "",
  };
}

function deepFreeze<T>(value: T): T {
  const isPlain =
    typeof value === "object" && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value);
  if (!isPlain) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

/**
 * Reads all settings of one command, and the notes about variables that were ignored.
 * @throws ConfigError with every problem
 */
function readConfig<T extends object>(
  environment: Environment,
  readAll: (reader: SettingsReader) => T,
): T & { notes: readonly string[] } {
  const reader = createSettingsReader(environment);
  const config = readAll(reader);
  const notes = reader.listNotes();
  if (reader.problems.length > 0) throw new ConfigError(reader.problems, notes);
  return deepFreeze({ ...config, notes });
}

export const readGatewayConfig = (environment: Environment = process.env) =>
  readConfig(environment, readGateway);
export const readWorkerConfig = (environment: Environment = process.env) =>
  readConfig(environment, readWorker);
/** For the commands that only need MongoDB. */
export const readStoreConfig = (environment: Environment = process.env) => readConfig(environment, readStore);

/** For `publish` over HTTP. */
export const readPublishConfig = (environment: Environment = process.env) =>
  readConfig(environment, readPublish);
/** For `publish` through the queue. */
export const readQueueConfig = (environment: Environment = process.env) =>
  readConfig(environment, (reader) => ({ redisUrl: readRedisUrl(reader) }));

/** Whether `LOG_LEVEL` asks for details. Never fails, so that it works with an invalid configuration too. */
export const isDebugLogging = ({ LOG_LEVEL }: Environment = process.env): boolean =>
  ["debug", "trace"].includes(LOG_LEVEL?.trim() ?? "");

export type GatewayConfig = ReturnType<typeof readGatewayConfig>;
export type WorkerConfig = ReturnType<typeof readWorkerConfig>;
export type ServicesConfig = Omit<WorkerConfig, "vitalRateLimit">;
