import { expect, test } from "vitest";
import { allSecrets, startIngressForTest } from "../../support/http/test-ingress.js";

const ignoredBy = (source: string, type: string) => ({ level: "info", fields: { source, type } });

test.each([
  ["user_created", "user.created"],
  ["USER.CREATED", "user.created"],
  ["user.create", "user.created"],
  ["UserDeleted", "user.deleted"],
  ["users/deleted", "user.deleted"],
])("a type that looks misspelled is a warning once: %s", async (type, similarTo) => {
  const { postAsBearer, lines, ignoredTypes } = await startIngressForTest();
  for (let time = 0; time < 3; time += 1) {
    const response = await postAsBearer({ type, data: { id: "u1" } });
    expect(response).toMatchObject({ status: 202, body: { accepted: 0, ignored: 1 } });
  }
  expect(lines).toEqual([
    {
      level: "warn",
      phrase: "ignoring events whose type looks misspelled",
      fields: {
        source: "own",
        type,
        similarTo,
        accepted: ["user.created", "user.deleted"],
        fix: expect.stringContaining("EVENTS_USER_ID_POINTER") as string,
      },
    },
  ]);
  expect(ignoredTypes).toEqual([type, type, type]);
});

test("any other type is logged once per source, with the types that the source accepts", async () => {
  const { postAsBearer, lines } = await startIngressForTest({
    ...allSecrets,
    EVENTS_CREATED_TYPES: "com.example.account.opened",
  });
  for (let time = 0; time < 2; time += 1) {
    await postAsBearer({ type: "user.updated", data: { id: "u1" } });
    await postAsBearer({ event: "user.updated", data: { id: "u1" } });
    await postAsBearer({ type: "user.updated", specversion: "1.0", subject: "u1" });
  }
  expect(lines).toMatchObject([
    ignoredBy("own", "user.updated"),
    ignoredBy("workos", "user.updated"),
    {
      ...ignoredBy("cloudevents", "user.updated"),
      fields: {
        accepted: ["com.example.account.opened", "user.deleted"],
        fix: expect.stringContaining("set EVENTS_CREATED_TYPES or EVENTS_DELETED_TYPES") as string,
      },
    },
  ]);
  expect(lines).toHaveLength(3);
});

test.each([
  "robin@example.com",
  "4f6a7b8c-0000-4000-8000-0000000000ff",
  "auth0|65f0c0ffee65f0c0ffee65f0",
  "user_2exampleExampleExample000001",
  "+49 30 1234567",
  "Robin Example",
  "x".repeat(33),
  "word.".repeat(13) + "word",
  'quoted"} 1',
  "line\nbreak",
  "\u{1f600}",
  "",
])("a type that does not consist of words is neither a label nor logged: %j", async (type) => {
  const { postAsBearer, lines, ignoredTypes } = await startIngressForTest();
  await postAsBearer({ type, data: { id: "u1" } });
  expect(ignoredTypes).toEqual(["other"]);
  expect(lines).toMatchObject([ignoredBy("own", "other")]);
  if (type !== "") expect(JSON.stringify(lines)).not.toContain(JSON.stringify(type).slice(1, -1));
});

test("an event of another table is named with its schema and table", async () => {
  const { postAsBearer, lines, ignoredTypes } = await startIngressForTest();
  await postAsBearer({ type: "INSERT", schema: "public", table: "profiles", record: { id: "u1" } });
  await postAsBearer({ type: "UPDATE", schema: "auth", table: "users", record: { id: "u1" } });
  const accepted = ["auth.users.INSERT", "auth.users.DELETE"];
  expect(lines).toMatchObject([
    { level: "info", fields: { source: "supabase", type: "public.profiles.INSERT", accepted } },
    { level: "info", fields: { source: "supabase", type: "auth.users.UPDATE", accepted } },
  ]);
  expect(ignoredTypes).toEqual(["public.profiles.INSERT", "auth.users.UPDATE"]);
});

test("the first fifty types have labels and log lines, and the memory for them is bounded", async () => {
  const { postAsBearer, lines, ignoredTypes } = await startIngressForTest();
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const types = Array.from(letters).flatMap((one) => Array.from("xyz", (other) => `type.${one}${other}`));
  await postAsBearer(types.map((type) => ({ type, data: {} })));
  expect(new Set(ignoredTypes)).toEqual(new Set([...types.slice(0, 50), "other"]));
  expect(lines).toHaveLength(50);
  await postAsBearer({ type: types[0], data: {} });
  expect(ignoredTypes.at(-1)).toBe(types[0]);
  expect(lines).toHaveLength(50);
});

test("a type that looks misspelled still shows after fifty others, and fifty such types are remembered", async () => {
  const { postAsBearer, lines, ignoredTypes } = await startIngressForTest();
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
  const send = (types: string[]) => postAsBearer(types.map((type) => ({ type, data: { id: "u1" } })));
  await send(letters.flatMap((one) => Array.from("xyz", (other) => `type.${one}${other}`)));
  ignoredTypes.length = 0;
  await send(["user_created", "user.create"]);
  expect(ignoredTypes).toEqual(["user_created", "user.create"]);
  const warnings = () => lines.filter(({ level }) => level === "warn");
  expect(warnings()).toMatchObject([
    { fields: { type: "user_created", similarTo: "user.created" } },
    { fields: { type: "user.create", similarTo: "user.created" } },
  ]);
  await send(letters.flatMap((one) => Array.from("xyz", (other) => `user.created${one}${other}`)));
  expect(warnings()).toHaveLength(50);
  expect(ignoredTypes.at(-1)).toBe("other");
});
