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

/** What only development reads, by other ways than the readers of the product. */
const developmentSettings = ["IDENTITY_PORT", "VITAL_GATEWAY_CACHE_DIR"];

/** Issuers that make presets ask for what the issuer itself does not say. */
const issuers = [
  "https://idp.example.com",
  "https://api.workos.com",
  "https://tenant.b2clogin.com/11111111-2222-3333-4444-555555555555/v2.0/",
];

/** Runs a reader over an environment that notes every name it is asked for. */
function listAsked(given: Environment, read: (environment: Environment) => unknown): Set<string> {
  const asked = new Set<string>();
  const environment = new Proxy(given, {
    get(target, name) {
      asked.add(String(name));
      return target[String(name)];
    },
  });
  try {
    read(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return asked;
}

const asked = new Set([
  ...presetNames.flatMap((AUTH_PROVIDER) =>
    issuers.flatMap((AUTH_ISSUER) => [...listAsked({ AUTH_PROVIDER, AUTH_ISSUER }, readGatewayConfig)]),
  ),
  ...[readWorkerConfig, readStoreConfig, readPublishConfig, readQueueConfig, readSimulatorSettings].flatMap(
    (read) => [...listAsked({}, read)],
  ),
]);
const secrets = [...asked].filter((name) => asked.has(`${name}_FILE`));
const names = [...asked].filter(
  (name) => !(name.endsWith("_FILE") && asked.has(name.slice(0, -"_FILE".length))),
);

/** First cells of the tables, such as "`NAME` ⚿". */
const rows = [...readText("docs/settings.md").matchAll(/^\| `([A-Z0-9_]+)`( ⚿)? +\|/gm)];

test("docs/settings.md has every variable that the code reads, and no other", () => {
  expect(rows.map(([, name]) => name).sort()).toEqual([...names, ...developmentSettings].sort());
});

test("docs/settings.md marks as secret what can be given as a file, and nothing else", () => {
  expect(rows.flatMap(([, name, mark]) => (mark === undefined ? [] : [name])).sort()).toEqual(secrets.sort());
});

test("docs/settings.md names every preset", () => {
  const text = readText("docs/settings.md");
  expect(presetNames.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test(".env.example has every variable once, and no secret in it", () => {
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
