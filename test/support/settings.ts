import { readSimulatorSettings } from "../../simulator/settings.js";
import { presetNames } from "../../src/auth/presets/presets.js";
import {
  readGatewayConfig,
  readPublishConfig,
  readQueueConfig,
  readStoreConfig,
  readWorkerConfig,
} from "../../src/config/config.js";
import { ConfigError, type Environment } from "../../src/config/settings-reader.js";

/** Issuers for which presets read further variables. */
const issuers = [
  "https://idp.example.com",
  "https://api.workos.com",
  "https://tenant.b2clogin.com/11111111-2222-3333-4444-555555555555/v2.0/",
];

/** Runs a reader and returns the name of every variable that it reads. */
function listReadNames(given: Environment, read: (environment: Environment) => unknown): string[] {
  const readNames = new Set<string>();
  const environment = new Proxy(given, {
    get(target, name) {
      readNames.add(String(name));
      return target[String(name)];
    },
  });
  try {
    read(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return [...readNames];
}

/** Lower-case names are other spellings of the same settings. */
const isUpperCase = (name: string) => name === name.toUpperCase();

const withoutFiles = (readNames: ReadonlySet<string>) =>
  [...readNames]
    .filter(isUpperCase)
    .filter((name) => !(name.endsWith("_FILE") && readNames.has(name.slice(0, -"_FILE".length))));

const gatewayNames = new Set(
  presetNames.flatMap((AUTH_PROVIDER) =>
    issuers.flatMap((AUTH_ISSUER) => listReadNames({ AUTH_PROVIDER, AUTH_ISSUER }, readGatewayConfig)),
  ),
);
const workerNames = new Set(listReadNames({}, readWorkerConfig));
const simulatorNames = new Set(listReadNames({}, readSimulatorSettings));
const readNames = new Set([
  ...gatewayNames,
  ...workerNames,
  ...simulatorNames,
  ...[readStoreConfig, readPublishConfig, readQueueConfig].flatMap((read) => listReadNames({}, read)),
]);

/** The names of all settings, as the code reads them, without their `_FILE` variants. */
export const settingNames = {
  all: withoutFiles(readNames),
  gateway: withoutFiles(gatewayNames),
  worker: withoutFiles(workerNames),
  simulator: withoutFiles(simulatorNames),
  /** Those that can also be read from a file. */
  secrets: [...readNames].filter((name) => readNames.has(`${name}_FILE`)),
};
