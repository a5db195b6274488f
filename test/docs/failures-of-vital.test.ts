import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readText = (path: string) => readFileSync(join(root, path), "utf8");
const page = readText("docs/troubleshooting.md");
const section = /\n## Vital\n([^]*?)(?:\n## |$)/.exec(page)?.[1] ?? "";

test("the page explains every code of a failed call to Vital, and no other", () => {
  const codes = [...readText("src/core/vital/vital-error.ts").matchAll(/^ +code: "([A-Z_]+)"/gm)];
  const explained = [...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code);
  expect(explained).toEqual([...codes.map(([, code]) => code), "GAVE_UP"]);
});

test("the gateway writes every warning that the page quotes about Vital", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readText(join("src", name)))
    .join("\n");
  const text = section.replaceAll(/^```[^]*?^```$/gm, "");
  const warnings = [...text.matchAll(/(?<!\[)"([^"\n]+)"/g)].map(([, warning]) => warning ?? "");
  expect(warnings.length).toBeGreaterThan(4);
  expect(warnings.filter((warning) => !sources.includes(warning))).toEqual([]);
});
