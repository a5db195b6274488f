import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createSettingsReader } from "../../../src/config/settings-reader.js";
import { readEventSettings } from "../../../src/http/events/event-settings.js";
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

const readPage = (name: string) => readFile(new URL(`${name}.md`, docsFolder), "utf8");
const findBlocks = (page: string, language: string) =>
  Array.from(
    page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms")),
    (match) => match[1] ?? "",
  );

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

type Forward = (type: string, userId: string, occurredAt?: Date) => Promise<void>;

describe("the code on the pages", () => {
  let folder: string;
  let ingress: TestIngress;

  beforeAll(async () => {
    const environment = { EVENTS_SIGNING_SECRETS: signingSecret, EVENTS_BEARER_TOKENS: bearerToken };
    ingress = await startIngress(environment, { now: () => new Date() });
    vi.stubEnv("EVENTS_URL", ingress.url);
    vi.stubEnv("EVENTS_SIGNING_SECRET", signingSecret);
    folder = await mkdtemp(join(tmpdir(), "source-pages-"));
    await writeFile(join(folder, "forward.mjs"), findBlocks(await readPage("forward"), "js")[0] ?? "");
    await mkdir(join(folder, "node_modules"));
  });
  beforeEach(() => {
    ingress.recorded.length = 0;
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await ingress.close();
    await rm(folder, { recursive: true });
  });

  /** Loads code as a file next to `forward.mjs`, which is where the pages say to save it. */
  async function load<Exports>(name: string, code: string): Promise<Exports> {
    const file = join(folder, `${name}.mjs`);
    await writeFile(file, code);
    return (await import(pathToFileURL(file).href)) as Exports;
  }
  const loadForward = async () =>
    ((await import(pathToFileURL(join(folder, "forward.mjs")).href)) as { forward: Forward }).forward;
  /** Loads one of the blocks of code on a page. */
  const loadBlock = async <Exports>(page: string, index = 0) =>
    load<Exports>(`${page}-${index}`, findBlocks(await readPage(page), "js")[index] ?? "");
  /** Installs a minimal package with the one function of a provider's library that the code on a page calls. */
  async function installPackage(name: string, code: string) {
    const target = join(folder, "node_modules", name);
    await mkdir(target, { recursive: true });
    await writeFile(join(target, "package.json"), JSON.stringify({ type: "module", exports: "./index.js" }));
    await writeFile(join(target, "index.js"), code);
  }

  const created = (name: string) => readOwnEvent(readExample(`${name}.created`));
  const deleted = (name: string) => readOwnEvent(readExample(`${name}.deleted`));
  function readOwnEvent(text: string) {
    const { type, timestamp, data } = JSON.parse(text) as Record<string, string> & { data: { id: string } };
    return { type, appUserId: data.id, occurredAt: new Date(timestamp ?? "") };
  }
  const withoutTime = ({ type, appUserId }: ReturnType<typeof created>) => ({ type, appUserId });

  test("the forwarding function sends events that the gateway accepts, and throws when the gateway rejects one", async () => {
    const forward = await loadForward();
    const occurredAt = new Date("2026-01-02T03:04:05.678Z");
    await forward("user.deleted", "u 1|\u{1f600}", occurredAt);
    expect(ingress.recorded).toMatchObject([
      { type: "user.deleted", appUserId: "u 1|\u{1f600}", occurredAt },
    ]);
    await expect(forward("user.created", "..")).rejects.toThrow("the gateway responded with status 400");
  });

  test.each(forwarding)("the forwarding function delivers both examples of %s", async (name) => {
    const forward = await loadForward();
    for (const event of [created(name), deleted(name)]) {
      await forward(event.type ?? "", event.appUserId, event.occurredAt);
    }
    expect(ingress.recorded).toMatchObject([created(name), deleted(name)]);
  });

  test("Better Auth's hooks forward a signup with its time, and a deletion", async () => {
    type User = { id: string; createdAt: Date };
    type Hook = (user: User) => Promise<void>;
    type Options = {
      databaseHooks: { user: { create: { after: Hook } } };
      user: { deleteUser: { enabled: boolean; afterDelete: Hook } };
    };
    await installPackage("better-auth", "export const betterAuth = (options) => options;");
    const { auth } = await loadBlock<{ auth: Options }>("better-auth");
    const { appUserId: id, occurredAt: createdAt } = created("better-auth");
    await auth.databaseHooks.user.create.after({ id, createdAt });
    await auth.user.deleteUser.afterDelete({ id, createdAt });
    expect(ingress.recorded).toMatchObject([created("better-auth"), withoutTime(deleted("better-auth"))]);
  });

  test("Auth.js's event forwards a signup", async () => {
    type Events = { createUser: (message: { user: { id: string } }) => Promise<void> };
    const { events } = await loadBlock<{ events: Events }>("better-auth", 1);
    await events.createUser({ user: { id: created("better-auth").appUserId } });
    expect(ingress.recorded).toMatchObject([withoutTime(created("better-auth"))]);
  });

  test("Cognito's function forwards a confirmed signup, ignores a password reset and returns its event", async () => {
    type Event = { triggerSource: string; request: { userAttributes: { sub: string } } };
    const { handler } = await loadBlock<{ handler: (event: Event) => Promise<Event> }>("cognito");
    const request = { userAttributes: { sub: created("cognito").appUserId } };
    const signup = { triggerSource: "PostConfirmation_ConfirmSignUp", request };
    const reset = { triggerSource: "PostConfirmation_ConfirmForgotPassword", request };
    expect(await handler(signup)).toBe(signup);
    expect(await handler(reset)).toBe(reset);
    expect(ingress.recorded).toMatchObject([withoutTime(created("cognito"))]);
  });

  test("Entra's functions forward a signup and a deletion", async () => {
    type Report = (oid: string) => Promise<void>;
    const code = await loadBlock<{ reportCreated: Report; reportDeleted: Report }>("entra");
    await code.reportCreated(created("entra").appUserId);
    await code.reportDeleted(deleted("entra").appUserId);
    expect(ingress.recorded).toMatchObject([withoutTime(created("entra")), withoutTime(deleted("entra"))]);
  });

  test("Firebase's functions forward a signup and a deletion with the time of the event", async () => {
    type Trigger = (user: { uid: string }, context: { timestamp: string }) => Promise<void>;
    await installPackage(
      join("firebase-functions", "v1"),
      "const user = () => ({ onCreate: (run) => run, onDelete: (run) => run }); export const auth = { user };",
    );
    const code = await loadBlock<{ userCreated: Trigger; userDeleted: Trigger }>("firebase");
    const [signup, deletion] = [created("firebase"), deleted("firebase")];
    await code.userCreated({ uid: signup.appUserId }, { timestamp: signup.occurredAt.toISOString() });
    await code.userDeleted({ uid: deletion.appUserId }, { timestamp: deletion.occurredAt.toISOString() });
    expect(ingress.recorded).toMatchObject([signup, deletion]);
  });

  test("Kinde's endpoint forwards only events that Kinde's key has signed", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "RS256" }] });
    const server = createServer((_request, response) => void response.end(keySet));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;

    await symlink(
      fileURLToPath(new URL("../../../node_modules/jose", import.meta.url)),
      join(folder, "node_modules", "jose"),
    );
    const [block = ""] = findBlocks(await readPage("kinde"), "js");
    const code = block.replace("https://<your domain>.kinde.com", `http://127.0.0.1:${port}`);
    expect(code).not.toBe(block);
    const { receive } = await load<{ receive: (token: string) => Promise<void> }>("kinde", code);

    const sign = (type: string, key = privateKey) =>
      new SignJWT({ type, data: { user: { id: created("kinde").appUserId } } })
        .setProtectedHeader({ alg: "RS256" })
        .sign(key);
    await receive(await sign("user.created"));
    await receive(await sign("user.updated"));
    await receive(await sign("user.deleted"));
    const another = await generateKeyPair("RS256");
    await expect(receive(await sign("user.created", another.privateKey))).rejects.toThrow();
    expect(ingress.recorded).toMatchObject([withoutTime(created("kinde")), withoutTime(deleted("kinde"))]);
  });

  test("Ory's body is an event that the gateway accepts", async () => {
    const [jsonnet = ""] = findBlocks(await readPage("ory"), "jsonnet");
    // The body is a Jsonnet object that is also valid JavaScript with the same meaning.
    const code = jsonnet.replace(/^function\(ctx\) (\{.*\})\n$/, "export const render = (ctx) => ($1);");
    type Render = (ctx: { identity: { id: string } }) => unknown;
    const { render } = await load<{ render: Render }>("ory", code);
    const { appUserId: id } = created("ory");
    expect(await ingress.postAsBearer(render({ identity: { id } }))).toMatchObject({ status: 202 });
    expect(ingress.recorded).toMatchObject([withoutTime(created("ory"))]);
  });
});
