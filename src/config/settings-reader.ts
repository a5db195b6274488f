import { readFileSync } from "node:fs";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration is invalid. The message names every invalid setting and how to fix it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(`Invalid configuration:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  }
}

/**
 * Reads settings from an environment by name and collects every problem instead of stopping at the first one.
 *
 * An empty value counts as absent. An invalid setting is returned as its default (or as an empty value), so that reading
 * can continue with the next one; the caller discards the result when `problems` is not empty.
 */
export function createSettingsReader(environment: Environment) {
  const problems: string[] = [];
  const problem = (name: string, message: string) => void problems.push(`${name}: ${message}`);

  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === "" ? undefined : value;
  };

  /** Reads `NAME`, or the file that `NAME_FILE` names, because Docker and Kubernetes mount secrets as files. */
  const secret = (name: string): string | undefined => {
    const path = text(`${name}_FILE`);
    const value = text(name);
    if (path === undefined) return value;
    if (value !== undefined)
      problem(name, `must not be set together with ${name}_FILE; remove one of the two`);
    try {
      const content = readFileSync(path, "utf8").trim();
      if (content === "") problem(`${name}_FILE`, `the file ${path} is empty`);
      return content === "" ? undefined : content;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      problem(`${name}_FILE`, `the file ${path} cannot be read (${code})`);
      return undefined;
    }
  };

  const toList = (value: string | undefined): string[] =>
    (value ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");

  return {
    problems: problems as readonly string[],
    problem,
    text,
    secret,
    requiredSecret: (name: string, hint: string): string => {
      const before = problems.length;
      const value = secret(name);
      // A file that is empty or cannot be read has been reported already.
      if (value === undefined && problems.length === before) problem(name, `is required: ${hint}`);
      return value ?? "";
    },
    list: (name: string) => toList(text(name)),
    secretList: (name: string) => toList(secret(name)),

    integer(name: string, options: { default: number; min: number; max: number }): number {
      const value = text(name);
      if (value === undefined) return options.default;
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= options.min && number <= options.max) return number;
      problem(name, `must be a whole number from ${options.min} to ${options.max}, not "${value}"`);
      return options.default;
    },

    boolean(name: string, fallback = false): boolean {
      const value = text(name)?.toLowerCase();
      if (value === undefined) return fallback;
      if (value === "true" || value === "1") return true;
      if (value === "false" || value === "0") return false;
      problem(name, `must be true or false, not "${value}"`);
      return fallback;
    },

    choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
      const value = text(name);
      if (value === undefined) return fallback;
      const choice = choices.find((candidate) => candidate === value);
      if (choice === undefined) problem(name, `must be one of ${choices.join(", ")}, not "${value}"`);
      return choice ?? fallback;
    },
  };
}

export type SettingsReader = ReturnType<typeof createSettingsReader>;
