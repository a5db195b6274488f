import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { printGraphqlSchema, buildGraphqlSchema } from "../../schema/schema.js";
import { errorTable } from "../../src/core/errors.js";

const repository = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, repository), "utf8");
const cellsOf = (row: string) => row.split("|").map((cell) => cell.trim());

describe("docs/security.md", () => {
  const page = read("docs/security.md");
  const threats = page.slice(page.indexOf("## Threats"), page.indexOf("## The OWASP"));
  const proofs = [...threats.matchAll(/^ {2}Proof: `(test\/[^`]+)`: _(.+)_$/gm)].map(([, file, name]) => ({
    file: file ?? "",
    name: name ?? "",
  }));

  test("names a test for every threat", () => {
    const items = threats.split(/^- /m).slice(1);
    for (const item of items) expect(item).toMatch(/^\*\*.+\*\* .+\n {2}Proof: .+\n/);
    expect(proofs.length).toBe(items.length);
    expect(proofs.length).toBeGreaterThan(25);
  });

  test.each(proofs)("$file has the test: $name", ({ file, name }) => {
    expect(existsSync(fileURLToPath(new URL(file, repository)))).toBe(true);
    const titles = [...read(file).matchAll(/\(\s*(["'`])(.+?)\1\s*,/g)].map(([, , title]) => title);
    expect(titles).toContain(name);
  });
});

describe("docs/graphql.md", () => {
  const page = read("docs/graphql.md");

  test("lists every error code, and whether it is retryable", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    for (const [code, { retryable }] of Object.entries(errorTable)) {
      const own = rows.filter((row) => cellsOf(row)[1] === `\`${code}\``);
      expect(own.length, code).toBeGreaterThan(0);
      for (const row of own) expect(cellsOf(row)[3], code).toBe(retryable ? "yes" : "no");
    }
  });

  test("uses only fields and states that the schema has", () => {
    const never = () => Promise.reject(new Error("only printed"));
    const schema = printGraphqlSchema(
      buildGraphqlSchema({ signInTokens: { issue: never }, mappings: { find: never } }),
    );
    const documents = [...page.matchAll(/```graphql\n([\s\S]+?)```/g)].map(([, text]) => text ?? "");
    expect(documents).toHaveLength(2);
    for (const field of documents.flatMap((text) => text.match(/^ +\w+/gm) ?? [])) {
      expect(schema).toMatch(new RegExp(`^  ${field.trim()}\\b`, "m"));
    }
    for (const state of ["PENDING", "ACTIVE", "FAILED", "DELETED"]) {
      expect(page).toContain(`\`${state}\``);
      expect(schema).toContain(`  ${state}\n`);
    }
  });
});
