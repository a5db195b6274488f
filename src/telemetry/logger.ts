import { pino, type Logger as PinoLogger } from "pino";

/** Constant phrases with fields; the fields are ids, counts and durations, never a secret or a person's data. */
export type Logger = {
  debug(fields: object, phrase: string): void;
  info(fields: object, phrase: string): void;
  warn(fields: object, phrase: string): void;
  error(fields: object, phrase: string): void;
};

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields that would be a mistake to log; the mistake is mended here, and stays visible. */
const redactedFields = [
  "authorization",
  "apiKey",
  "token",
  "accessToken",
  "signInToken",
  "password",
  "secret",
];

/**
 * Error causes as text: type, message and stack of each link. Own properties are left out, because those of drivers
 * carry requests and connection strings.
 */
export function toErrorFields(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name: type, message, stack, cause } = error;
  return { type, message, stack, ...(cause !== undefined && { cause: toErrorFields(cause) }) };
}

/** The message of whatever was thrown, for the field `reason`. */
export const toReason = (error: unknown): string =>
  error instanceof Error ? error.message : "unknown error";

/**
 * JSON lines on standard output. Every secret given is blanked out of a line in which it appears all the same, for
 * example inside a library's error message.
 */
export function createLogger({
  level,
  process: name,
  secrets = [],
}: {
  level: LogLevel;
  process: string;
  secrets?: readonly string[];
}): Logger {
  const hidden = secrets.filter((secret) => secret.length >= 8);
  const hide = (line: string) => hidden.reduce((text, secret) => text.replaceAll(secret, "[secret]"), line);
  const options = {
    level,
    base: { process: name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: redactedFields.flatMap((field) => [field, `*.${field}`]),
      censor: "[redacted]",
    },
    serializers: { error: toErrorFields, err: toErrorFields },
  };
  const logger: PinoLogger = pino(options, {
    write: (line: string) => void process.stdout.write(hide(line)),
  });
  return logger;
}
