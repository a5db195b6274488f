import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { identityClaims } from "../../src/auth/tokens/user-id-collisions.js";
import { aclRules } from "../../src/cli/doctor/redis-permissions.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
const code = ["src", "workers"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(root, name), "utf8"))
  .join("\n");

test("the code writes every message that the page has as a title or in bold", () => {
  const titles = page.match(/^### .*$|\*\*"[^"]+"\*\*/gm) ?? [];
  const quoted = titles.flatMap((title) => [...title.matchAll(/[^`]"(?:[A-Z_]+: )?([^"`]+)"/g)]);
  const parts = quoted.flatMap(([, message = ""]) => message.split("…"));
  expect(quoted.length).toBeGreaterThan(8);
  expect(parts.map((part) => part.trim()).filter((part) => !code.includes(part))).toEqual([]);
});

test("the page grants a Redis user the permissions that doctor names", () => {
  expect(page).toContain(`ACL SETUSER vital ${aclRules.join(" ")}`);
});

test("the page lists the claims that reveal a shared user id, with the number of values", () => {
  const rows = page.matchAll(/^\| (`.+`) +\| (\d) values +\|$/gm);
  const listed = [...rows].flatMap(([, claims = "", values]) =>
    claims.split(", ").map((claim) => [claim.replaceAll("`", ""), Number(values)]),
  );
  expect(Object.fromEntries(listed)).toEqual(identityClaims);
});
