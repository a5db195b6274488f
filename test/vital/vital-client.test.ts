import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { VitalUserId } from "../../src/core/mapping/app-user-id.js";
import { VitalError } from "../../src/core/vital/vital-error.js";
import { createVitalClient, type VitalClientOptions } from "../../src/vital/vital-client.js";
import { startTestSimulator } from "../support/simulator.js";
import { respondWith, startStubVital, type StubResponse } from "../support/vital/stub-vital.js";

const apiKey = "sk_us_very-secret-key-0123456789";
const vitalUserId = "11111111-1111-4111-8111-111111111111" as VitalUserId;
const otherUserId = "22222222-2222-4222-8222-222222222222";
const team = "a0000000-0000-4000-8000-000000000000";
const user = { user_id: vitalUserId, client_user_id: "ada", team_id: team };

function openClient(apiUrl: string, options: Partial<VitalClientOptions> = {}) {
  const calls: string[] = [];
  const client = createVitalClient({
    apiKey,
    apiUrl,
    timeoutMs: 2_000,
    onCall: (operation, status) => calls.push(`${operation} ${status}`),
    ...options,
  });
  onTestFinished(() => void client.close());
  return { ...client, calls };
}
type Client = ReturnType<typeof openClient>;

const operations: Record<string, (client: Client) => Promise<unknown>> = {
  "create-user": (client) => client.createUser("ada"),
  "resolve-user": (client) => client.findUser("ada"),
  "list-users": (client) => client.findAnyUser(),
  "delete-user": (client) => client.deleteUser(vitalUserId),
  "sign-in-token": (client) => client.createSignInToken(vitalUserId),
};

/** Returns every text that is reachable from an error, as a careless logger would print it. */
function allText(error: unknown): string {
  const seen = new Set<unknown>();
  const texts: string[] = [inspect(error, { depth: 20, showHidden: true, getters: true })];
  function walk(value: unknown): void {
    if (typeof value !== "object" || value === null || seen.has(value)) {
      texts.push(String(value));
      return;
    }
    seen.add(value);
    for (const key of Reflect.ownKeys(value)) {
      texts.push(String(key));
      walk(Reflect.get(value, key));
    }
  }
  walk(error);
  return texts.join("\n");
}

async function failureOf(work: Promise<unknown>): Promise<VitalError> {
  const error = await work.then(
    (value) => new Error(`expected a failure, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(VitalError);
  expect(allText(error)).not.toContain("very-secret");
  return error as VitalError;
}

/** Returns the error of an operation when the server sends this response. */
async function failWith(given: StubResponse, operation = "create-user"): Promise<VitalError> {
  const { url } = await startStubVital(respondWith(given));
  const client = openClient(url);
  return failureOf((operations[operation] ?? operations["create-user"])?.(client) ?? Promise.resolve());
}

describe("against the simulator", () => {
  async function openVital() {
    const vital = await startTestSimulator({ apiKey });
    onTestFinished(() => vital.close());
    return { vital, client: openClient(vital.url) };
  }

  test("creates a user once, finds it, issues tokens for it, and deletes it", async () => {
    const { client } = await openVital();
    expect(await client.findAnyUser()).toBeNull();
    expect(await client.findUser("ada")).toBeNull();
    const { isNew, ...created } = await client.createUser("ada");
    expect(isNew).toBe(true);
    expect(created.teamId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.findUser("ada")).toEqual(created);
    expect(await client.findAnyUser()).toEqual(created);
    // The conflict response names the user without its team.
    const { vitalUserId: existing } = created;
    expect(await client.createUser("ada")).toEqual({ vitalUserId: existing, teamId: null, isNew: false });
    expect(await client.createSignInToken(created.vitalUserId)).not.toBe("");

    await client.deleteUser(created.vitalUserId);
    await client.deleteUser(created.vitalUserId);
    expect(await client.findUser("ada")).toBeNull();
    const refusal = await failureOf(client.createSignInToken(created.vitalUserId));
    expect(refusal).toMatchObject({ kind: "not_found", status: 404 });
    expect((await client.createUser("ada")).vitalUserId).not.toBe(created.vitalUserId);
  });

  test.each(["a?b#c", "%2e%2e", "a b+c", "😀é", "__proto__", "x".repeat(256)])(
    "finds %j by exactly this client user id",
    async (clientUserId) => {
      const { client, vital } = await openVital();
      const { isNew: _, ...created } = await client.createUser(clientUserId);
      expect(await client.findUser(clientUserId)).toEqual(created);
      expect(await client.findUser(`${clientUserId}x`)).toBeNull();
      expect((await vital.read("ledger")).users).toMatchObject([{ clientUserId }]);
    },
  );

  test("a create whose response was lost is found by the next one", async () => {
    const { client, vital } = await openVital();
    await vital.fault({ operation: "create-user", kind: "commit-then-fail", times: 1 });
    expect(await failureOf(client.createUser("ada"))).toMatchObject({ kind: "unavailable", wasCalled: true });
    const { vitalUserId: created } = await client.createUser("ada");
    expect((await vital.read("ledger")).users).toMatchObject([{ vitalUserId: created }]);
  });

  test("a full sandbox refuses a create", async () => {
    const vital = await startTestSimulator({ apiKey, sandboxUserCap: 1 });
    onTestFinished(() => vital.close());
    const client = openClient(vital.url);
    await client.createUser("ada");
    const refusal = await failureOf(client.createUser("bob"));
    expect(refusal).toMatchObject({ kind: "refused", status: 400 });
    expect(refusal.message).toContain("You have reached the maximum of 1 Sandbox users");
  });

  test("a refused API key has its own kind of error", async () => {
    const { vital } = await openVital();
    const client = openClient(vital.url, { apiKey: "sk_us_very-secret-other-key" });
    for (const operation of Object.values(operations)) {
      expect(await failureOf(operation(client))).toMatchObject({ kind: "credentials_refused", status: 401 });
    }
    expect(client.calls).toEqual(Object.keys(operations).map((name) => `${name} 401`));
  });
});

describe("every status maps to a kind of error", () => {
  test.each([
    [401, "credentials_refused"],
    [403, "forbidden"],
    [429, "throttled"],
    [503, "unavailable"],
    [500, "unavailable"],
    [502, "unavailable"],
    [504, "unavailable"],
    [599, "unavailable"],
    [408, "unavailable"],
    [405, "unknown_path"],
    [204, "unavailable"],
    [302, "unavailable"],
    [400, "refused"],
    [402, "refused"],
    [413, "refused"],
    [422, "refused"],
  ] as const)("%i is %s", async (status, kind) => {
    expect(await failWith({ status, body: { detail: "no" } })).toMatchObject({ kind, status });
  });

  test.each(Object.keys(operations))("429 and 5xx of %s are temporary", async (operation) => {
    expect(await failWith({ status: 429 }, operation)).toMatchObject({ kind: "throttled" });
    expect(await failWith({ status: 500 }, operation)).toMatchObject({ kind: "unavailable" });
    const askToWait = { status: 503, headers: { "retry-after": "7" } };
    expect(await failWith(askToWait, operation)).toMatchObject({ kind: "throttled", retryAfterMs: 7_000 });
  });

  test("403 is about the API key only when the call is about no user", async () => {
    for (const operation of Object.keys(operations)) {
      const kind = operation === "list-users" ? "credentials_refused" : "forbidden";
      expect(await failWith({ status: 403, body: { detail: "no" } }, operation)).toMatchObject({ kind });
    }
  });

  test.each(Object.keys(operations))(
    "a 404 of Vital's router or of a proxy is an unknown path and not a missing user, for %s",
    async (operation) => {
      const routerBody = { detail: "Not Found" };
      for (const body of [
        routerBody,
        "<html>Not here</html>",
        "",
        { error: "no such host" },
        { detail: null },
      ]) {
        const { url } = await startStubVital(respondWith({ status: 404, body }));
        const reported: string[] = [];
        const client = openClient(url, { onUnknownPath: ({ message }) => reported.push(message) });
        const error = await failureOf(operations[operation]?.(client) ?? Promise.resolve());
        expect(error).toMatchObject({ kind: "unknown_path", status: 404 });
        expect(reported).toEqual([error.message]);
        expect(error.message).toMatch(/^[a-z-]+: 404 (Not Found|no reason given)$/);
      }
    },
  );

  test.each(["delete-user", "sign-in-token"])(
    "when Vital reports a missing user with the text of an unknown path, a second call shows it, for %s",
    async (operation) => {
      const unclear = respondWith({ status: 404, body: { detail: "Not Found" } });
      const gone = { status: 404, body: { detail: "You have scheduled this user for deletion." } };
      const { url, received } = await startStubVital(unclear, respondWith(gone));
      const outcome = await operations[operation]?.(openClient(url)).then(
        () => "success",
        (error: unknown) => (error as VitalError).kind,
      );
      expect(outcome).toBe(operation === "delete-user" ? "success" : "not_found");
      expect(received.map(({ method, url: path }) => `${method} ${path}`)[1]).toBe(
        `GET /v2/user/${vitalUserId}`,
      );

      const exists = await startStubVital(unclear, respondWith({ body: user }));
      const error = await failureOf(operations[operation]?.(openClient(exists.url)) ?? Promise.resolve());
      expect(error.kind).toBe("unknown_path");
    },
  );

  test("a user is missing when Vital says so, in any of its formats", async () => {
    for (const detail of ["User not found", { error_type: "NOT_FOUND", error_message: "gone" }]) {
      const { url } = await startStubVital(respondWith({ status: 404, body: { detail } }));
      const client = openClient(url);
      expect(await client.findUser("ada")).toBeNull();
      await client.deleteUser(vitalUserId);
      expect(await failureOf(client.createSignInToken(vitalUserId))).toMatchObject({ kind: "not_found" });
    }
  });

  test("the message names the operation, the status and Vital's reason, shortened", async () => {
    const items = [{ msg: "Field required", input: { a: 1 } }, { msg: "Input should be a valid string" }];
    for (const [body, text] of [
      [{ detail: "invalid" }, "create-user: 422 invalid"],
      [{ detail: { error_message: "no" } }, "create-user: 422 no"],
      [{ detail: items }, "create-user: 422 Field required; Input should be a valid string"],
      [{ detail: { secret: "x" } }, "create-user: 422 no reason given"],
      ["plain text", "create-user: 422 no reason given"],
      [{ detail: "x".repeat(5_000) }, `create-user: 422 ${"x".repeat(200)}`],
    ] as const) {
      expect((await failWith({ status: 422, body })).message).toBe(text);
    }
  });
});

describe("how long to wait", () => {
  test.each<[Record<string, string>, number | undefined]>([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "86400" }, 600_000],
    [{ "retry-after": "99999999999999999999" }, 600_000],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "1.5" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{ "x-ratelimit-reset": "3" }, 3_000],
    [{ "retry-after": "2", "x-ratelimit-reset": "9" }, 2_000],
    [{}, undefined],
  ])("%j means a wait of %s ms", async (headers, retryAfterMs) => {
    for (const status of [429, 503]) {
      expect((await failWith({ status, headers })).retryAfterMs).toBe(retryAfterMs);
    }
  });

  test("a date means a wait until then, and a date in the past means no wait", async () => {
    const at = (ms: number) => ({ "retry-after": new Date(Date.now() + ms).toUTCString() });
    const { retryAfterMs } = await failWith({ status: 429, headers: at(20_000) });
    expect(retryAfterMs).toBeGreaterThan(17_000);
    expect(retryAfterMs).toBeLessThanOrEqual(20_000);
    expect((await failWith({ status: 429, headers: at(-60_000) })).retryAfterMs).toBe(0);
  });
});

describe("a user that exists already", () => {
  const conflict = { error_type: "INVALID_REQUEST", error_message: "Client user id already exists." };

  test("is a success, with the id in the response", async () => {
    const id = vitalUserId.toUpperCase();
    for (const status of [400, 409]) {
      const { url, received: seen } = await startStubVital(
        respondWith({ status, body: { detail: { ...conflict, user_id: id, created_on: "2026" } } }),
      );
      expect(await openClient(url).createUser("ada")).toEqual({ vitalUserId, teamId: null, isNew: false });
      expect(seen).toHaveLength(1);
    }
  });

  test("is looked up when the response does not contain a valid id", async () => {
    for (const body of [
      { detail: conflict },
      { detail: { ...conflict, user_id: null } },
      { detail: { ...conflict, user_id: "not-a-uuid" } },
      { ...conflict, user_id: vitalUserId },
      { detail: "Client user id already exists" },
    ]) {
      const { url, received: seen } = await startStubVital(
        respondWith({ status: 400, body }),
        respondWith({ body: user }),
      );
      expect(await openClient(url).createUser("ada")).toEqual({ vitalUserId, teamId: team, isNew: false });
      expect(seen.map((request) => request.url)).toEqual(["/v2/user", "/v2/user/resolve/ada"]);
    }
  });

  test("is a temporary failure when a lookup does not find it", async () => {
    const { url } = await startStubVital(
      respondWith({ status: 400, body: { detail: conflict } }),
      respondWith({ status: 404, body: { detail: "User not found" } }),
    );
    expect(await failureOf(openClient(url).createUser("ada"))).toMatchObject({ kind: "unavailable" });
  });
});

test.each(["ada@example.com", "tenants|7 (ada)", "a.b*c", "$&", "x"])(
  "an error does not repeat the client user id %s, whatever the response repeats",
  async (id) => {
    const path = `/v2/user/resolve/${encodeURIComponent(id)}`;
    const bodies = [
      { detail: `no user '${id}' in ${path}` },
      { detail: { error_message: `${"-".repeat(195)} ${id} exists` } },
      { detail: [{ msg: `${id} is invalid`, input: id }, { msg: path.toLowerCase() }] },
    ];
    for (const body of bodies) {
      for (const status of [400, 404, 422, 500]) {
        const { url } = await startStubVital(respondWith({ status, body }));
        const client = openClient(url);
        // A 404 with a text is about a missing user.
        const work = status === 404 ? client.createUser(id) : client.findUser(id);
        const { message } = await failureOf(work);
        const words = message.split(/[\s/;']+/).map((word) => word.toLowerCase());
        expect(words).not.toContain(id.toLowerCase());
        expect(words).not.toContain(encodeURIComponent(id).toLowerCase());
        if (id.length > 1) expect(message).not.toContain(id.slice(0, 4));
        expect(message).toMatch(/^(create|resolve)-user: \d{3} .*<id>|-{195}/);
      }
    }
  },
);

describe("invalid responses", () => {
  test.each<[string, StubResponse]>([
    ["invalid JSON", { body: "<html></html>", headers: { "content-type": "application/json" } }],
    ["an empty body", {}],
    ["truncated JSON", { body: '{"user_id":"1111' }],
    ["null", { body: "null" }],
    ["an array", { body: [] }],
    ["an id that is not a UUID", { body: { ...user, user_id: "../../admin" } }],
    ["another user", { body: { ...user, client_user_id: "bob", user_id: otherUserId, sign_in_token: "t" } }],
    ["a token without a user", { body: { sign_in_token: "token-of-another-user" } }],
    ["an empty token", { body: { user_id: vitalUserId, client_user_id: "bob", sign_in_token: "" } }],
    ["more than a megabyte", { body: `"${"x".repeat(2 * 1024 * 1024)}"` }],
  ])("%s is a temporary failure, and the error contains no other user's data", async (_name, given) => {
    for (const operation of ["create-user", "resolve-user", "sign-in-token"]) {
      const error = await failWith(given, operation);
      expect(["invalid_response", "unavailable"]).toContain(error.kind);
      expect(error.failure).toMatchObject({ endsProvisioning: false, isUserMissing: false });
      expect(allText(error)).not.toContain("token-of-another-user");
      expect(allText(error)).not.toContain(otherUserId);
    }
  });

  test("a token for another user is never returned", async () => {
    const body = { user_id: otherUserId, sign_in_token: "token-of-another-user" };
    const error = await failWith({ body }, "sign-in-token");
    expect(error.message).toBe("sign-in-token: the response is about another user");
    expect(allText(error)).not.toContain("token-of-another-user");
  });

  test("an id is accepted in upper or lower case, and stored in lower case", async () => {
    const { url } = await startStubVital(
      respondWith({ body: { ...user, user_id: vitalUserId.toUpperCase() } }),
    );
    expect((await openClient(url).createUser("ada")).vitalUserId).toBe(vitalUserId);
  });

  test("undocumented fields are ignored", async () => {
    const { url } = await startStubVital(
      respondWith({ status: 201, body: { ...user, extra: { deep: [1] } } }),
    );
    expect(await openClient(url).createUser("ada")).toEqual({ vitalUserId, teamId: team, isNew: true });
  });
});

describe("a call ends in time", () => {
  const timeoutMs = 150;

  async function expectTimeout(client: Client, operation = "sign-in-token"): Promise<void> {
    const startedAt = performance.now();
    const error = await failureOf(operations[operation]?.(client) ?? Promise.resolve());
    expect(error).toMatchObject({ kind: "unavailable" });
    // A call that waits for a free connection may time out before it is sent.
    expect(error.message).toMatch(/^[a-z-]+: (no response|not sent) within 150 ms$/);
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs + 1_000);
  }

  test("when there is no response", async () => {
    const { url } = await startStubVital(() => undefined);
    await expectTimeout(openClient(url, { timeoutMs }));
  });

  test("when the response stops in the middle", async () => {
    const { url } = await startStubVital((response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"user_id":');
    });
    const client = openClient(url, { timeoutMs });
    await expectTimeout(client);
    expect(client.calls).toEqual(["sign-in-token 0"]);
  });

  test("when the response arrives byte by byte", async () => {
    const { url } = await startStubVital((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => {
        clearInterval(timer);
      });
    });
    await expectTimeout(openClient(url, { timeoutMs }));
  });

  test("when there is no free connection, and the next call gets one again", async () => {
    let isStuck = true;
    const { url } = await startStubVital((response, request) => {
      if (!isStuck) respondWith({ body: user })(response, request);
    });
    const client = openClient(url, { timeoutMs, maxConnections: 1 });
    await Promise.all(
      ["create-user", "sign-in-token", "list-users"].map((name) => expectTimeout(client, name)),
    );
    isStuck = false;
    expect(await client.createUser("ada")).toMatchObject({ vitalUserId });
  });

  test("when nothing listens, or the connection breaks", async () => {
    const unreachable = openClient("http://127.0.0.1:9");
    expect((await failureOf(unreachable.createUser("ada"))).message).toMatch(
      /^create-user: the connection failed \(\w+\)$/,
    );
    expect(unreachable.calls).toEqual(["create-user 0"]);
    const { url } = await startStubVital((response) => response.socket?.destroy());
    const error = await failureOf(openClient(url).deleteUser(vitalUserId));
    expect(error).toMatchObject({ kind: "unavailable", wasCalled: true });
  });
});

describe("the API key", () => {
  test("is sent in its header, to the configured address including its path", async () => {
    const { url, received: seen } = await startStubVital(
      respondWith({ body: { ...user, users: [], sign_in_token: "t" } }),
    );
    const client = openClient(`${url}/proxy/`);
    for (const operation of Object.values(operations)) await operation(client);
    expect(seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      "POST /proxy/v2/user",
      "GET /proxy/v2/user/resolve/ada",
      "GET /proxy/v2/user?offset=0&limit=1",
      `DELETE /proxy/v2/user/${vitalUserId}`,
      `POST /proxy/v2/user/${vitalUserId}/sign_in_token`,
    ]);
    for (const { headers } of seen) expect(headers["x-vital-api-key"]).toBe(apiKey);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ client_user_id: "ada" });
    expect(seen[4]).toMatchObject({ body: "" });
  });

  test("never appears in an error, even when a response repeats it", async () => {
    const text = `the key ${apiKey} is not valid`;
    for (const detail of [text, { error_message: text }, [{ msg: text }], "x".repeat(190) + apiKey]) {
      for (const status of [400, 401, 422, 429, 500, 200]) {
        const error = await failWith({ status, body: { detail } });
        expect(allText(error)).not.toContain("sk_us_very");
      }
    }
  });

  test("never appears in an error when the response is not HTTP", async () => {
    const server = createServer((socket) => {
      socket.on("data", () => socket.end(`${apiKey} is no HTTP\r\n\r\n`));
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const error = await failureOf(openClient(`http://127.0.0.1:${port}`).createUser("ada"));
    expect(error.kind).toBe("unavailable");
  });
});
