import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
const sources = readdirSync(join(root, "src/auth"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(root, "src/auth", name), "utf8"))
  .join("\n");

test("the gateway writes every message that the page quotes about access tokens", () => {
  const section = /\n## Access tokens\n([^]*?)\n## /.exec(page)?.[1] ?? "";
  const quoted = [...section.matchAll(/^### "(.+)"$|\*\*"([^"]+)"\*\*/gm)].map(([, a, b]) => a ?? b ?? "");
  const parts = quoted.flatMap((message) => message.split("…")).map((part) => part.trim());
  expect(quoted.length).toBeGreaterThan(4);
  expect(parts.filter((part) => !sources.includes(part))).toEqual([]);
});
