import { pino, type Logger as PinoLogger } from "pino";

/** Logs constant phrases with fields: ids, counts and durations, never a secret or personal data. */
export type Logger = {
  debug(fields: object, phrase: string): void;
  info(fields: object, phrase: string): void;
  warn(fields: object, phrase: string): void;
  error(fields: object, phrase: string): void;
};

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields that must not be logged. If one is logged by mistake, its value is redacted but the field stays visible. */
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
 * Converts an error and its chain of causes to type, message and stack. Other properties are left out, because driver
 * errors contain requests and connection strings.
 */
function toErrorFields(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name: type, message, stack, cause } = error;
  return { type, message, stack, ...(cause !== undefined && { cause: toErrorFields(cause) }) };
}

/** Returns the message of a thrown value, for the field `reason`. */
export const toReason = (error: unknown): string =>
  error instanceof Error ? error.message : "unknown error";

/**
 * Creates a logger that writes JSON lines to standard output. The given secrets are masked wherever they occur in a
 * line, for example inside a library's error message.
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
  const maskedSecrets = secrets.filter((secret) => secret.length >= 8);
  const mask = (line: string) =>
    maskedSecrets.reduce((text, secret) => text.replaceAll(secret, "[secret]"), line);
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
    write: (line: string) => void process.stdout.write(mask(line)),
  });
  return logger;
}
