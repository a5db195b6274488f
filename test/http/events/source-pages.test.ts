import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createSettingsReader } from "../../../src/config/settings-reader.js";
import { readEventSettings } from "../../../src/http/events/event-settings.js";
import { createPageCode, findBlocks, readPage, type PageCode } from "../../support/http/page-code.js";
import {
  bearerToken,
  docsFolder,
  readExample,
  signingSecret,
  startIngress,
  type TestIngress,
} from "../../support/http/test-ingress.js";

const forwarding = ["better-auth", "cognito", "entra", "firebase", "kinde", "own-service"];
const native = [
  "auth0",
  "clerk",
  "fusionauth",
  "keycloak",
  "okta",
  "stytch",
  "supabase",
  "workos",
  "zitadel",
];
const configurableBody = ["descope", "ory"];
const pages = [...forwarding, ...native, ...configurableBody].sort();

test("every provider has a page, and the overview links to each", async () => {
  const files = await readdir(docsFolder);
  expect(files.filter((file) => file.endsWith(".md")).sort()).toEqual(
    ["README.md", "forward.md", ...pages.map((name) => `${name}.md`)].sort(),
  );
  const overview = await readPage("README");
  for (const name of [...pages, "forward"]) expect(overview).toContain(`](${name}.md)`);
});

describe.each(pages)("the page %s", (name) => {
  test("shows the payload that the tests send, and links to it", async () => {
    const page = await readPage(name);
    expect(findBlocks(page, "json")).toEqual([readExample(`${name}.created`)]);
    expect(page).toContain(`(examples/${name}.created.json)`);
  });

  test("links only to existing files", async () => {
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
    expect(named.filter((setting) => !asked.has(setting))).toEqual([]);
  });
});

test.each(forwarding)("the page %s links to the forwarding function and does not repeat it", async (name) => {
  const page = await readPage(name);
  expect(page).toContain("](forward.md)");
  expect(page).not.toContain("createHmac");
});

test("the page of the forwarding function names exactly the variables that its code reads", async () => {
  const page = await readPage("forward");
  const [code = ""] = findBlocks(page, "js");
  const read = Array.from(code.matchAll(/process\.env\.(\w+)/g), (match) => match[1]);
  const documented = Array.from(page.matchAll(/^\| `([A-Z_]+)` +\|/gm), (match) => match[1]);
  expect(documented.sort()).toEqual([...new Set(read)].sort());
});

describe("the code on the pages", () => {
  let code: PageCode;
  let ingress: TestIngress;

  beforeAll(async () => {
    const environment = { EVENTS_SIGNING_SECRETS: signingSecret, EVENTS_BEARER_TOKENS: bearerToken };
    ingress = await startIngress(environment, { now: () => new Date() });
    vi.stubEnv("EVENTS_URL", ingress.url);
    vi.stubEnv("EVENTS_SIGNING_SECRET", signingSecret);
    code = await createPageCode();
  });
  beforeEach(() => {
    ingress.recorded.length = 0;
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await ingress.close();
    await code.remove();
  });

  const created = (name: string) => readOwnEvent(readExample(`${name}.created`));
  const deleted = (name: string) => readOwnEvent(readExample(`${name}.deleted`));
  function readOwnEvent(text: string) {
    const { type, timestamp, data } = JSON.parse(text) as Record<string, string> & { data: { id: string } };
    return { type, appUserId: data.id, occurredAt: new Date(timestamp ?? "") };
  }

  test("the forwarding function sends events that the gateway accepts, and throws when the gateway rejects one", async () => {
    const forward = await code.loadForward();
    const occurredAt = new Date("2026-01-02T03:04:05.678Z");
    await forward("user.deleted", "u 1|\u{1f600}", occurredAt);
    expect(ingress.recorded).toMatchObject([
      { type: "user.deleted", appUserId: "u 1|\u{1f600}", occurredAt },
    ]);
    await forward("user.deleted", "u2", "2026-01-02T03:04:05Z", "the-providers-id");
    expect(ingress.recorded[1]).toMatchObject({
      id: "the-providers-id",
      occurredAt: new Date("2026-01-02T03:04:05Z"),
    });
    await expect(forward("user.created", "..")).rejects.toThrow("the gateway responded with status 400");
  });

  test.each(forwarding)("the forwarding function delivers both examples of %s", async (name) => {
    const forward = await code.loadForward();
    for (const event of [created(name), deleted(name)]) {
      await forward(event.type ?? "", event.appUserId, event.occurredAt);
    }
    expect(ingress.recorded).toMatchObject([created(name), deleted(name)]);
  });
});
