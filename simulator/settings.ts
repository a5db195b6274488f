import { readFileSync } from "node:fs";

import { toCaller } from "./api-key.js";
import type { SimulatorOptions } from "./server.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the `SIMULATOR_*` settings. An empty value counts as absent.
 *
 * @returns the options, and every problem by setting name. The options must not be used when there is a problem.
 */
export function readSimulatorSettings(environment: Environment): {
  options: SimulatorOptions;
  problems: string[];
} {
  const problems: string[] = [];
  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim() ?? "";
    // Kubernetes sets SIMULATOR_PORT=tcp://… for a Service called simulator.
    const isOfService = name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value);
    if (value === "" || isOfService) return undefined;
    if (/^["'`]|["'`]$/.test(value)) problems.push(`${name}: must not be in quotation marks; remove them`);
    return value;
  };

  const integer = (name: string, [min, max]: [number, number]): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (/^\d+$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    problems.push(`${name}: must be a whole number from ${min} to ${max}, not "${value.slice(0, 80)}"`);
    return undefined;
  };

  const flag = (name: string): boolean | undefined => {
    const value = text(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value === "true" || value === "1") return true;
    if (value === "false" || value === "0") return false;
    problems.push(`${name}: must be true or false, not "${value.slice(0, 80)}"`);
    return undefined;
  };

  const apiKey = (): string | undefined => {
    const value = text("SIMULATOR_API_KEY");
    const path = text("SIMULATOR_API_KEY_FILE");
    if (path === undefined) return value;
    if (value !== undefined) {
      problems.push(
        "SIMULATOR_API_KEY: is set together with SIMULATOR_API_KEY_FILE; set only one of the two",
      );
    }
    try {
      const content = readFileSync(path, "utf8").trim();
      if (content === "") problems.push("SIMULATOR_API_KEY_FILE: the file is empty");
      return content === "" ? undefined : content;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      // The path is not repeated: it is the key itself when the two settings are mixed up.
      problems.push(`SIMULATOR_API_KEY_FILE: the file cannot be read (${code})`);
      return undefined;
    }
  };

  const host = (): string => {
    const value = text("SIMULATOR_HOST") ?? "127.0.0.1";
    if (!/^[a-z\d:._-]{1,253}$/i.test(value))
      problems.push("SIMULATOR_HOST: must be an IP address or host name of this machine, such as 0.0.0.0");
    return value;
  };

  const options = {
    port: integer("SIMULATOR_PORT", [0, 65_535]) ?? 8765,
    host: host(),
    apiKey: apiKey(),
    sandboxUserCap: integer("SIMULATOR_SANDBOX_USER_CAP", [1, 1_000_000]),
    isForLocalSdk: flag("SIMULATOR_LOCAL_SDK"),
  };
  if (options.apiKey !== undefined && toCaller(options.apiKey) === null) {
    problems.push(
      "SIMULATOR_API_KEY: must begin with sk_us_, sk_eu_, pk_us_ or pk_eu_, followed by at least one more character",
    );
  }
  return { options, problems };
}
