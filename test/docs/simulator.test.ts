import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operationNames } from "../../simulator/operation.js";
import { createSdkOperations } from "../../simulator/sdk-operations.js";
import { createTokenExchange } from "../../simulator/token-exchange.js";
import { createTokenSigner } from "../../simulator/token-signer.js";
import { createUserLookups } from "../../simulator/user-lookups.js";
import { createUserOperations } from "../../simulator/user-operations.js";
import { createUserStore } from "../../simulator/user-store.js";
import { startTestSimulator, unknownUserId, type TestSimulator } from "../support/simulator.js";

const page = readFileSync(new URL("../../docs/simulator.md", import.meta.url), "utf8");

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());

test("docs/simulator.md lists every route, and who may call it", async () => {
  const now = Date.now;
  const users = createUserStore({ now });
  const signer = await createTokenSigner({ now });
  const operations = [
    ...createUserOperations({ users, signer, now, sandboxUserCap: null, isForLocalSdk: false }),
    ...createUserLookups({ users }),
    ...createSdkOperations({ users, now }),
    createTokenExchange({ users, signer }),
  ];
  const texts = {
    "api-key": "API key",
    "api-key-or-access-token": "API key or access token",
    open: "no key",
  };
  const rows = [...page.matchAll(/^\| `([A-Z]+ \/v\d\/[^`]+)` +\| ([\w ]+?) +\|/gm)];
  expect(rows.map(([, route, access]) => [route, access]).sort()).toEqual(
    operations.map(({ method, paths, access }) => [`${method} ${paths[0] ?? ""}`, texts[access]]).sort(),
  );
});

test("docs/simulator.md names every operation of a fault", () => {
  const named = /^- `operation`: `\*`, or one of (.*)\.$/m.exec(page)?.[1] ?? "";
  expect([...named.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name).sort()).toEqual(
    [...operationNames].sort(),
  );
});

test("every request of the control API in docs/simulator.md exists, and its example of a fault is valid", async () => {
  const example = /for example `(\{"operation".*?\})`/.exec(page)?.[1] ?? "";
  const requests = [...page.matchAll(/^\| `([A-Z]+) (\/__simulator\/\w+)`/gm)];
  expect(requests).toHaveLength(7);
  for (const [, method = "", path = ""] of requests) {
    const body = path.endsWith("/faults") && method === "POST" ? (JSON.parse(example) as unknown) : undefined;
    const { status } = await vital.call(method, path, { key: null, body });
    expect([method, path, status]).toEqual([method, path, 200]);
  }
});

test("the responses that docs/simulator.md quotes are those of the simulator", async () => {
  const userId = await vital.createId("quoted");
  const patch = async (body: object) => (await vital.call("PATCH", `/v2/user/${userId}`, { body })).text;
  const texts = [
    await patch({ client_user_id: null }),
    await patch({ fallback_time_zone: "Mars/Base" }),
    await patch({ ingestion_start: "2026-1" }),
    await patch({ ingestion_start: "first of May" }),
    (await vital.call("GET", `/v2/user/${userId}/info/latest`)).text,
    (await vital.call("GET", "/elsewhere")).text,
    (await vital.call("GET", `/v2/user/${userId}`, { key: null })).text,
    (await vital.call("GET", `/v2/user/${userId}`, { key: null, headers: { authorization: "Bearer x" } }))
      .text,
    (await vital.exchange({})).text,
  ].join("\n");
  await patch({ ingestion_start: "2026-01-01" });
  const { body } = await vital.call("GET", `/v2/user/${userId}`);
  expect(body.ingestion_end).toBe("0001-01-01");
  for (const quoted of [
    "Value error, client_user_id is not a field that can be reset to null.",
    "Value error, Invalid IANA time zone: Mars/Base",
    "input is too short",
    "invalid character in year",
    "User demographics data not found",
    '{"detail":"Not Found"}',
    '{"detail":"Missing x-vital-api-key"}',
    '{"detail":"invalid token"}',
    '{"detail":{"error_type":"invalid_token"}}',
  ]) {
    expect(page).toContain(quoted);
    expect(texts).toContain(quoted);
  }
  expect((await vital.call("GET", `/v2/user?offset=9`)).body).toMatchObject({ total: 0 });
  expect((await vital.call("GET", `/v2/user/${unknownUserId}`)).headers.get("content-type")).toBe(
    "application/json",
  );
});
