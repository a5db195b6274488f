import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { createSettingsReader } from "../../../src/config/settings-reader.js";
import { readEventSettings } from "../../../src/http/events/event-settings.js";
import { docsFolder, readExample, signingSecret, startIngress } from "../../support/http/test-ingress.js";

const forwarding = ["better-auth", "cognito", "entra", "firebase", "keycloak", "kinde", "own-service"];
const asTheyAre = ["auth0", "clerk", "fusionauth", "okta", "stytch", "supabase", "workos", "zitadel"];
const byBodyTheyWrite = ["descope", "ory"];
const pages = [...forwarding, ...asTheyAre, ...byBodyTheyWrite].sort();

const readPage = (name: string) => readFile(new URL(`${name}.md`, docsFolder), "utf8");
const findBlocks = (page: string, language: string) =>
  Array.from(
    page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms")),
    (match) => match[1] ?? "",
  );

test("there is a page for every provider, and the overview links each", async () => {
  const files = await readdir(docsFolder);
  expect(files.filter((file) => file.endsWith(".md")).sort()).toEqual(
    ["README.md", "forward.md", ...pages.map((name) => `${name}.md`)].sort(),
  );
  const overview = await readPage("README");
  for (const name of pages) expect(overview).toContain(`](${name}.md)`);
});

describe.each(pages)("the page %s", (name) => {
  test("shows the very payload that the tests send, and links it", async () => {
    const page = await readPage(name);
    expect(findBlocks(page, "json")).toEqual([readExample(`${name}.created`)]);
    expect(page).toContain(`(examples/${name}.created.json)`);
  });

  test("links only what is there", async () => {
    const page = await readPage(name);
    const links = Array.from(page.matchAll(/\]\(([^)#]+)[^)]*\)/g), (match) => match[1] ?? "");
    const relative = links.filter((link) => !link.startsWith("https://"));
    expect(relative.length).toBeGreaterThan(0);
    for (const link of relative) await readFile(new URL(link, docsFolder));
  });

  test("names only settings that exist", async () => {
    const asked = new Set<string>();
    const recording = new Proxy({}, { get: (_target, key) => void asked.add(String(key)) });
    readEventSettings(createSettingsReader(recording));
    const named = (await readPage(name)).match(/\bEVENTS_[A-Z_]*[A-Z]\b/g) ?? [];
    const sendersOwn = ["EVENTS_URL", "EVENTS_SIGNING_SECRET"];
    expect(named.filter((setting) => !asked.has(setting) && !sendersOwn.includes(setting))).toEqual([]);
  });
});

test.each(forwarding)("the page %s links the forwarding function and does not repeat it", async (name) => {
  const page = await readPage(name);
  expect(page).toContain("](forward.md)");
  expect(page).not.toContain("createHmac");
});

test("the gateway accepts what the forwarding function sends", async () => {
  const [code = ""] = findBlocks(await readPage("forward"), "js");
  const ingress = await startIngress({ EVENTS_SIGNING_SECRETS: signingSecret }, { clock: () => new Date() });
  const folder = await mkdtemp(join(tmpdir(), "forward-"));
  const file = join(folder, "forward.mjs");
  await writeFile(file, code);
  process.env.EVENTS_URL = ingress.url;
  process.env.EVENTS_SIGNING_SECRET = signingSecret;
  try {
    type Forward = (type: string, userId: string, at?: Date) => Promise<void>;
    const { forward } = (await import(pathToFileURL(file).href)) as { forward: Forward };
    const occurredAt = new Date("2026-01-02T03:04:05.678Z");
    await forward("user.deleted", "u 1|\u{1f600}", occurredAt);
    expect(ingress.recorded).toMatchObject([
      { type: "user.deleted", appUserId: "u 1|\u{1f600}", occurredAt },
    ]);
    await expect(forward("user.created", "..")).rejects.toThrow("the gateway responded with status 400");
  } finally {
    delete process.env.EVENTS_URL;
    delete process.env.EVENTS_SIGNING_SECRET;
    await rm(folder, { recursive: true });
    await ingress.close();
  }
});
