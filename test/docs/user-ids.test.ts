import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { presets, type PresetName } from "../../src/auth/presets/presets.js";
import type { Preset } from "../../src/auth/presets/preset.js";
import { findSharedId } from "../../src/auth/tokens/shared-user-ids.js";
import { auth0UserId } from "../../src/auth/presets/user-id-formats.js";
import { readPolicy } from "../support/auth/test-authentication.js";

const page = readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8");
const section = page.split("### User ids\n")[1]?.split("Some settings apply")[0] ?? "";

const plain = (text: string) => text.replaceAll("`", "").replaceAll("\\|", "|").trim();

test("docs/settings.md has the user id claim and the format of every preset", () => {
  const rows = [...section.matchAll(/^\| (`.+?`) +\| (`.+?`|`oid`, or else `sub`) +\| (.+) \|$/gm)];
  const listed = rows.flatMap(([, names = "", claim = "", format = ""]) =>
    plain(names)
      .split(", ")
      .map((name) => ({ name, claim: plain(claim), format: plain(format) })),
  );
  const expected = (Object.keys(presets) as PresetName[]).map((name) => {
    const { userIdClaim, userIdFallbackClaim, userIdFormat }: Preset = presets[name];
    const claim = userIdClaim === "" ? "AUTH_USER_ID_CLAIM" : userIdClaim;
    return {
      name,
      claim: userIdFallbackClaim === undefined ? claim : `${claim}, or else ${userIdFallbackClaim}`,
      format: userIdFormat.description,
    };
  });
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  expect(listed.sort(byName)).toEqual(expected.sort(byName));
});

test("every example of a shared id in docs/settings.md is rejected", () => {
  const policy = readPolicy({ AUTH_ISSUER: "https://idp.example.com", AUTH_AUDIENCE: "api" });
  const bullets = section.match(/^- (?:a text|the sentence|the id of a visitor).*$/gm) ?? [];
  const examples = bullets.flatMap((bullet) => [...bullet.matchAll(/`([^`]+)`/g)].map(([, id = ""]) => id));
  const ids = examples.filter((id) => id !== "sub");
  expect(bullets.length).toBe(3);
  expect(ids.length).toBeGreaterThan(10);
  const accepted = ids.filter((id) => {
    const own = auth0UserId.pattern.exec(id)?.groups?.own ?? id;
    return findSharedId(id, own, {}, policy) === null;
  });
  expect(accepted).toEqual([]);
});
