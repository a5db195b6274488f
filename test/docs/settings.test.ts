import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { presetNames } from "../../src/auth/presets/presets.js";
import { settingNames } from "../support/settings.js";

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Variables that only development tools read. */
const developmentSettings = ["IDENTITY_PORT", "VITAL_GATEWAY_CACHE_DIR"];

const { all: names, secrets } = settingNames;

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
