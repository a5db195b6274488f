import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSimulatorSettings } from "../../simulator/settings.js";
import {
  readGatewayConfig,
  readPublishConfig,
  readQueueConfig,
  readStoreConfig,
  readWorkerConfig,
} from "../../src/config/config.js";
import { presetNames } from "../../src/auth/presets/presets.js";
import { ConfigError, type Environment } from "../../src/config/settings-reader.js";

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Variables that only development tools read. */
const developmentSettings = ["IDENTITY_PORT", "VITAL_GATEWAY_CACHE_DIR"];

/** Issuers for which presets read further variables. */
const issuers = [
  "https://idp.example.com",
  "https://api.workos.com",
  "https://tenant.b2clogin.com/11111111-2222-3333-4444-555555555555/v2.0/",
];

/** Runs a reader and returns the name of every variable that it reads. */
function listReadNames(given: Environment, read: (environment: Environment) => unknown): Set<string> {
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
  return readNames;
}

const readNames = new Set([
  ...presetNames.flatMap((AUTH_PROVIDER) =>
    issuers.flatMap((AUTH_ISSUER) => [...listReadNames({ AUTH_PROVIDER, AUTH_ISSUER }, readGatewayConfig)]),
  ),
  ...[readWorkerConfig, readStoreConfig, readPublishConfig, readQueueConfig, readSimulatorSettings].flatMap(
    (read) => [...listReadNames({}, read)],
  ),
]);
const secrets = [...readNames].filter((name) => readNames.has(`${name}_FILE`));
const names = [...readNames].filter(
  (name) => !(name.endsWith("_FILE") && readNames.has(name.slice(0, -"_FILE".length))),
);

/** First cells of the tables, such as "`NAME` ⚿". */
const rows = [...readText("docs/settings.md").matchAll(/^\| `([A-Z0-9_]+)`( ⚿)? +\|/gm)];

test("docs/settings.md lists every variable that the code reads, and no other", () => {
  expect(rows.map(([, name]) => name).sort()).toEqual([...names, ...developmentSettings].sort());
});

test("docs/settings.md marks as secret the variables that can be read from a file, and no others", () => {
  expect(rows.flatMap(([, name, mark]) => (mark === undefined ? [] : [name])).sort()).toEqual(secrets.sort());
});

test("docs/settings.md names every preset", () => {
  const text = readText("docs/settings.md");
  expect(presetNames.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test(".env.example lists every variable once, and contains no secret", () => {
  const entries = [...readText(".env.example").matchAll(/^(?:# )?([A-Z][A-Z0-9]*_[A-Z0-9_]+)=(.*)$/gm)];
  expect(entries.map(([, name]) => name).sort()).toEqual([...names].sort());
  const filled = entries.filter(([, name, value]) => secrets.includes(name ?? "") && value !== "");
  expect(filled.map(([, name]) => name)).toEqual(["MONGODB_URL", "REDIS_URL"]);
});

test("the README names no setting that does not exist", () => {
  const named = [
    ...readText("README.md").matchAll(
      /`((?:VITAL|MONGODB|REDIS|AUTH|EVENTS|GATEWAY|WORKER|ADMIN|LOG)_[A-Z_]+)`/g,
    ),
  ];
  expect(named.length).toBeGreaterThan(5);
  expect(named.map(([, name]) => name).filter((name) => !names.includes(name ?? ""))).toEqual([]);
});
