import { isIP } from "node:net";
import { readSecretFile } from "./secret-file.js";
import { listMisspelledNames } from "./similar-names.js";
import { findValueFlaw, type ValueKind } from "./value-flaws.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration is invalid. The message names every invalid setting and how to fix it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(
    readonly problems: readonly string[],
    /** Variables that were ignored. One of them may be the reason for a problem. */
    readonly notes: readonly string[] = [],
  ) {
    super(`Invalid configuration:\n${[...problems, ...notes].map((line) => `  ${line}`).join("\n")}`);
  }
}

const maxShownValue = 80;
const maxShownMessage = 1_000;

/** The credentials of the examples in messages. */
const exampleCredentials = ["//user:password@", "//:password@"];

/** Cuts long values in a message, and masks what looks like a secret in the wrong setting. */
const toShownMessage = (message: string): string =>
  message
    .replace(/\b(?:[sp]k_(?:us|eu)|whs[ek]c?)_[\w+/=-]{6,}/g, "[secret]")
    .replace(/\/\/[^\s/"@]*:[^\s"@]*@/g, (credentials) =>
      exampleCredentials.includes(credentials) ? credentials : "//[secret]@",
    )
    .replace(/"([^"]*)"/g, (quoted, value: string) =>
      value.length > maxShownValue ? `"${value.slice(0, maxShownValue)}…"` : quoted,
    )
    .slice(0, maxShownMessage);

/**
 * Kubernetes sets `NAME_PORT=tcp://10.0.0.1:4000` in every container for a Service called `name`, as Docker did for
 * links. Source: Kubernetes documentation, "Discovering services".
 */
const isPortOfService = (name: string, value: string) =>
  name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//i.test(value);

const hostName =
  /^(?=.{1,253}$)(?![\d.]+$)[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d])?(?:\.[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d])?)*\.?$/i;

/** In YAML, a long list continues on further lines. */
const joinLines = (value: string) => value.replace(/\s*,\s*/g, ",");

/**
 * Reads settings from an environment by name and collects every problem instead of stopping at the first one.
 *
 * An empty value counts as absent. An invalid setting is returned as its default (or as an empty value), so that reading
 * can continue with the next one; the caller discards the result when `problems` is not empty. A value that contains what
 * no setting means, such as quotation marks (see {@link findValueFlaw}), has that one problem and no other.
 */
export function createSettingsReader(environment: Environment) {
  const problems: string[] = [];
  const notes = new Set<string>();
  const known = new Set<string>();
  const flawed = new Set<string>();

  const problem = (name: string, message: string): void => {
    if (!flawed.has(name)) problems.push(`${name}: ${toShownMessage(message)}`);
  };

  /** Returns the value, or what was probably meant after a flaw was reported. */
  function check(name: string, value: string, kind: ValueKind, source = name): string | undefined {
    const flaw = findValueFlaw(name, value, kind);
    if (flaw === null) return value;
    problem(source, flaw.message);
    flawed.add(source).add(name);
    return flaw.probable === "" ? undefined : flaw.probable;
  }

  function read(name: string, kind: ValueKind, normalize = (value: string) => value): string | undefined {
    known.add(name);
    const value = normalize(environment[name]?.trim() ?? "");
    if (value === "") return undefined;
    if (!isPortOfService(name, value)) return check(name, value, kind);
    notes.add(
      `${name}: ignored, because Kubernetes or Docker sets it to the address of a service of this name`,
    );
    return undefined;
  }

  const text = (name: string): string | undefined => read(name, "text");

  /** Reads `NAME`, or the file that `NAME_FILE` names, because Docker and Kubernetes mount secrets as files. */
  function secret(name: string, normalize = (value: string) => value): string | undefined {
    const fileName = `${name}_FILE`;
    const path = text(fileName);
    const value = read(name, "secret", normalize);
    if (path === undefined) return value;
    if (value !== undefined)
      problem(name, `must not be set together with ${fileName}; remove one of the two`);
    const file = readSecretFile(path);
    if ("text" in file) return check(name, normalize(file.text), "secret", fileName);
    problem(fileName, file.problem);
    flawed.add(fileName).add(name);
    return undefined;
  }

  /** Splits a list at its commas. Each item is checked as a value of its own. */
  function toList(name: string, value: string | undefined, kind: ValueKind): string[] {
    const items = (value ?? "")
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    if (value !== undefined && items.length === 0)
      problem(name, "contains only commas; list at least one value");
    return items.flatMap((item) => check(name, item, kind) ?? []);
  }

  return {
    problems: problems as readonly string[],
    /** Reports a problem, unless the value has a flaw that explains it. Long parts of `message` in quotes are cut. */
    problem,
    /** Adds a note about a value that is accepted, but does not do what it says. */
    note: (name: string, message: string): void => void notes.add(`${name}: ${toShownMessage(message)}`),
    text,
    secret: (name: string) => secret(name),
    requiredSecret: (name: string, hint: string): string => {
      const value = secret(name);
      if (value === undefined) problem(name, `is required: ${hint}`);
      return value ?? "";
    },
    list: (name: string) => toList(name, read(name, "text", joinLines), "text"),
    secretList: (name: string) => toList(name, secret(name, joinLines), "secret"),

    /** Variables that were ignored, and misspelled ones among those that have not been read by now. */
    listNotes: (): string[] => [...notes, ...listMisspelledNames(Object.keys(environment), known)],

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

    /** An address to listen on: an IP address, or a name that resolves to one of this machine. */
    host(name: string, fallback: string): string {
      const value = text(name)?.replace(/^\[(.*)\]$/, "$1");
      if (value === undefined) return fallback;
      if (isIP(value) !== 0 || hostName.test(value)) return value;
      problem(
        name,
        `must be an IP address or host name of this machine, such as 0.0.0.0, without a scheme or port; it is "${value}"`,
      );
      return fallback;
    },
  };
}

export type SettingsReader = ReturnType<typeof createSettingsReader>;
