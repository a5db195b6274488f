import { CommanderError } from "commander";
import { ConfigError } from "../config/settings-reader.js";
import { ServiceError } from "../core/errors.js";
import { CliError } from "./command.js";

/** Longer texts come from an input, such as a file that was pasted as an argument. */
const maxTextLength = 4_000;
const maxUsageLength = 400;

/** Control characters could change what the terminal shows. */
const toPrintable = (text: string, maxLength = maxTextLength) =>
  (text.length > maxLength ? `${text.slice(0, maxLength)}…\n` : text).replace(/[^\P{Cc}\n\t]/gu, "\ufffd");

/** The messages of drivers can contain a connection string. */
const withoutCredentials = (text: string) => text.replace(/\/\/[^\s/"]*@/g, "//[secret]@");

/** Describes an error of commander. The value of an unknown option is left out, because it may be a secret. */
export const toUsageText = (text: string): string =>
  toPrintable(
    withoutCredentials(text.replace(/^(error: unknown option '[^'=]*=)[^]*/, "$1…'\n")),
    maxUsageLength,
  );

type ExpectedError = CommanderError | CliError | ConfigError | ServiceError;

export const isExpectedError = (error: unknown): error is ExpectedError =>
  [CommanderError, CliError, ConfigError, ServiceError].some((type) => error instanceof type);

/** Describes an error that a user can act on. Returns "" if commander has printed it already. */
export function toErrorText(error: ExpectedError): string {
  if (error instanceof CommanderError) return "";
  if (error instanceof ServiceError) return `${error.message} (${error.reason ?? error.code})`;
  return toPrintable(error.message, Infinity);
}

/**
 * Describes a bug.
 *
 * @param options `showStack` adds the stack, which a user cannot act on
 */
export function toUnexpectedErrorText(
  error: unknown,
  { errorId, showStack }: { errorId: string; showStack: boolean },
): string {
  const summary = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = error instanceof Error ? (error.stack ?? summary) : summary;
  const details = showStack
    ? stack
    : "Run the command with LOG_LEVEL=debug for the stack trace, and report this as a bug.";
  return toPrintable(withoutCredentials(`Unexpected error ${errorId}: ${summary}\n${details}`));
}
