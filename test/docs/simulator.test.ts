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

type Json = Record<string, unknown>;

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

test("every request of the control API in docs/simulator.md exists", async () => {
  const requests = [...page.matchAll(/^\| `([A-Z]+) (\/__simulator\/\w+)`/gm)];
  expect(requests).toHaveLength(7);
  for (const [, method = "", path = ""] of requests) {
    const isFault = path.endsWith("/faults") && method === "POST";
    const body = isFault ? { operation: "get-user", kind: "hang" } : undefined;
    const { status } = await vital.call(method, path, { key: null, body });
    expect([method, path, status]).toEqual([method, path, 200]);
  }
});

test("every fault in docs/simulator.md is valid, and the SDK is asked to sign in again as the page says", async () => {
  const faults = [...page.matchAll(/`(\{"operation".*?\})`/g)].map(
    ([, fault = ""]) => JSON.parse(fault) as Json,
  );
  expect(faults).toHaveLength(4);
  for (const fault of faults) expect((await vital.fault(fault)).status).toBe(200);
  const { status, detail } = await vital.exchange({ grant_type: "refresh_token", refresh_token: "any" });
  expect([status, detail]).toEqual([400, { error_type: "reauthentication_required" }]);
  await vital.call("DELETE", "/__simulator/faults", { key: null });
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
