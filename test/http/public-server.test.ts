import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { ServiceError } from "../../src/core/errors.js";
import {
  codeOf,
  issuedToken,
  startServer,
  tokenMutation,
  type GraphqlBody,
} from "../support/http/test-server.js";

type Json = Record<string, unknown>;
const jsonOf = async (response: Response) => (await response.json()) as Json;

describe("request ids", () => {
  test("are returned unchanged when they are valid", async () => {
    const { request, post } = await startServer();
    const headers = { "x-request-id": "Ab.1_2-3" };
    expect((await request("/livez", { headers })).headers.get("x-request-id")).toBe("Ab.1_2-3");
    expect((await request("/nowhere", { headers })).headers.get("x-request-id")).toBe("Ab.1_2-3");
    expect((await request("/bad%", { headers })).headers.get("x-request-id")).toBe("Ab.1_2-3");
    expect((await post("{", headers)).headers.get("x-request-id")).toBe("Ab.1_2-3");
  });

  test.each(["with space", "x".repeat(129), "a/b", "<script>"])(
    "are replaced when they are invalid: %s",
    async (id) => {
      const { request } = await startServer();
      const response = await request("/livez", { headers: { "x-request-id": id } });
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

/** Sends raw bytes, and returns everything that is received until the server closes the connection. */
async function sendRaw(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(bytes);
  let received = "";
  for await (const chunk of socket) received += String(chunk);
  return received;
}

describe("a connection without a valid request", () => {
  test.each([
    ["garbage", "\u0016\u0003\u0001 hello\r\n\r\n", 400],
    ["headers without end", `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    [
      "two lengths",
      "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
    ],
  ])("gets a problem response with all headers, and a log line: %s", async (_name, bytes, status) => {
    const { url, lines } = await startServer();
    const received = await sendRaw(url, bytes);
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const header of [
      "cache-control: no-store",
      "x-content-type-options: nosniff",
      "connection: close",
    ]) {
      expect(received).toContain(header);
    }
    const requestId = /x-request-id: (\S+)/.exec(received)?.[1];
    expect(JSON.parse(received.slice(received.indexOf("\r\n\r\n")))).toMatchObject({ status, requestId });
    expect(lines).toMatchObject([
      { level: "info", phrase: "request rejected", fields: { requestId, status } },
    ]);
  });

  test.each([
    ["headers", "GET /livez HTTP/1.1\r\nHost: x\r\n"],
    [
      "a body",
      "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ],
  ])("gets 408 when the request does not arrive completely: %s", async (_name, bytes) => {
    const { url } = await startServer({ longestArrivalMs: 300 });
    const startedAt = performance.now();
    expect(await sendRaw(url, bytes)).toMatch(/^HTTP\/1.1 408 /);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test("is closed without a response when nothing arrives", async () => {
    const { url, lines } = await startServer({ longestArrivalMs: 300 });
    expect(await sendRaw(url, "")).toBe("");
    expect(lines).toEqual([]);
  });
});

describe("a request without a route", () => {
  test.each(["/*/", "/*", "/:a(", "/:a(*)/:b", "/a::b", "/graphql/*/"])(
    "gets a 404 problem even if the path looks like a pattern: %s",
    async (path) => {
      const { request } = await startServer();
      expect((await request(path, { method: "POST" })).status).toBe(404);
    },
  );

  test("gets a 404 problem, with or without a body", async () => {
    const { request } = await startServer();
    const asXml = {
      method: "POST",
      body: "<a/>",
      headers: { "content-type": "text/xml", "x-request-id": "r1" },
    };
    for (const response of [
      await request("/nowhere", { headers: { "x-request-id": "r1" } }),
      await request("/nowhere", asXml),
    ]) {
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
      expect(await jsonOf(response)).toEqual({
        title: "Not found",
        status: 404,
        detail: "Nothing is served at this path.",
        code: "NOT_FOUND",
        requestId: "r1",
      });
    }
  });

  test("gets a 405 problem that lists the allowed methods if the path supports others", async () => {
    const { request } = await startServer();
    const response = await request("/livez?x=1", { method: "POST", body: "x" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
    expect(await jsonOf(response)).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
  });
});

describe("the headers of every response", () => {
  test("prevent caching, use by other sites and content type sniffing", async () => {
    const { request, post } = await startServer();
    for (const response of [
      await request("/livez"),
      await request("/nowhere"),
      await post({ query: "{ viewer { id } }" }),
      await request("/bad%"),
    ]) {
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(response.headers.get("server")).toBeNull();
    }
  });
});

describe("web apps of other origins", () => {
  const cors = { origins: ["https://app.example"], headers: [] };
  const preflight = (origin: string) => ({
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });

  test("may call when their origin is configured, without a token in the preflight", async () => {
    const { request, post } = await startServer({ cors });
    const response = await request("/graphql", preflight("https://app.example"));
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(response.headers.get("access-control-allow-headers")).toMatch(/authorization.*content-type/);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toBe("Origin");

    for (const authorization of ["Bearer good", "Bearer bad"]) {
      const called = await post({ query: tokenMutation }, { origin: "https://app.example", authorization });
      expect(called.headers.get("access-control-allow-origin")).toBe("https://app.example");
      expect(called.headers.get("access-control-expose-headers")).toContain("x-request-id");
    }
  });

  test.each(["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"])(
    "may not call when the origin is %s",
    async (origin) => {
      const { request, post } = await startServer({ cors });
      const response = await request("/graphql", preflight(origin));
      expect(response.status).toBe(405);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(response.headers.get("vary")).toBe("Origin");
      const called = await post({ query: tokenMutation }, { origin });
      expect(called.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test("may not call when no origin is configured", async () => {
    const { request } = await startServer();
    expect((await request("/graphql", preflight("https://app.example"))).status).toBe(405);
  });
});

describe("health", () => {
  test("livez responds while the event loop runs, readyz while the process can do its work", async () => {
    const { request } = await startServer();
    expect(await jsonOf(await request("/livez"))).toEqual({ status: "ok" });
    expect(await jsonOf(await request("/readyz"))).toEqual({ status: "ready" });
  });

  test("readyz returns 503 with the reason", async () => {
    const { request } = await startServer({
      readiness: () => ({ ready: false, reason: "MongoDB is not responding" }),
    });
    const response = await request("/readyz");
    expect(response.status).toBe(503);
    expect(await jsonOf(response)).toEqual({ status: "not ready", reason: "MongoDB is not responding" });
    expect((await request("/livez")).status).toBe(200);
  });

  test("a check that throws counts as not ready", async () => {
    const { request } = await startServer({ readiness: () => Promise.reject(new Error("secret")) });
    const response = await request("/readyz");
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("secret");
  });
});

describe("protected resource metadata", () => {
  const path = "/.well-known/oauth-protected-resource";

  test("contains the public address, the issuers and the scopes", async () => {
    const resourceMetadata = {
      publicUrl: "https://api.example",
      authorizationServers: ["https://issuer.example"],
      scopes: ["vital"],
    };
    const { request } = await startServer({ resourceMetadata });
    expect(await jsonOf(await request(`${path}/graphql`))).toEqual({
      resource: "https://api.example/graphql",
      authorization_servers: ["https://issuer.example"],
      scopes_supported: ["vital"],
      bearer_methods_supported: ["header"],
    });
    expect(await jsonOf(await request(path))).toMatchObject({ resource: "https://api.example" });
  });

  test("falls back to the host of the request, when it is valid", async () => {
    const { request, url } = await startServer();
    expect(await jsonOf(await request(`${path}/graphql`))).toMatchObject({ resource: `${url}/graphql` });
  });

  test("rejects an invalid host", async () => {
    const { app } = await startServer();
    for (const host of ['a"b', "a/b", "user@a", "a b"]) {
      const response = await app.inject({ path, headers: { host } });
      expect(response.statusCode).toBe(400);
    }
  });
});

describe("the explorer", () => {
  const asBrowser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

  test("is served to browsers with introspection only, and loads nothing from elsewhere", async () => {
    const { request } = await startServer({ graphql: { introspection: true } });
    const response = await request("/graphql", asBrowser);
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'sha256-/,
    );
    expect(page).not.toMatch(/https?:\/\/|src=|href=/);
  });

  test("is not served to other clients, or without introspection", async () => {
    const withIntrospection = await startServer({ graphql: { introspection: true } });
    expect((await withIntrospection.request("/graphql")).status).toBe(401);
    expect((await withIntrospection.request("/graphql?query={__typename}", asBrowser)).status).toBe(401);
    const without = await startServer();
    expect((await without.request("/graphql", asBrowser)).status).toBe(401);
  });
});

describe("under overload", () => {
  test("everything except health is rejected, in the format of its path", async () => {
    const overload = { isOverloaded: () => true, close: () => undefined };
    const { request, post, calls } = await startServer({ overload });
    const response = await post({ query: tokenMutation });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(codeOf((await response.json()) as GraphqlBody)).toBe("SERVICE_UNAVAILABLE");
    expect(calls.issued).toBe(0);

    const other = await request("/.well-known/oauth-protected-resource");
    expect(other.status).toBe(503);
    expect(await jsonOf(other)).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect((await request("/livez")).status).toBe(200);
    expect((await request("/readyz")).status).toBe(200);
  });
});

describe("plugins", () => {
  const withRoute = (handler: () => unknown) => ({
    plugins: [(app: Awaited<ReturnType<typeof startServer>>["app"]) => void app.post("/v1/thing", handler)],
  });

  test("are served with the other routes, and their errors become problems", async () => {
    const { request } = await startServer(
      withRoute(() => Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 7_000 }))),
    );
    const response = await request("/v1/thing", { method: "POST" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect((await request("/v1/thing")).headers.get("allow")).toBe("POST");
  });

  test("show only the id under which an unexpected error is logged", async () => {
    const { request, lines } = await startServer(withRoute(() => Promise.reject(new Error("hunter2"))));
    const response = await request("/v1/thing", { method: "POST" });
    const problem = await jsonOf(response);
    expect(response.status).toBe(500);
    expect(JSON.stringify(problem)).not.toContain("hunter2");
    const line = lines.find(({ level }) => level === "error");
    expect(line?.fields.errorId).toBe(problem.errorId);
    expect(line?.fields.err).toEqual(new Error("hunter2"));
  });
});

describe("observations", () => {
  test("are made once per request, under the pattern of its route", async () => {
    const { request, post, observed } = await startServer();
    await post({ query: tokenMutation });
    await post("{");
    await request("/nowhere/secret-id");
    await request("/livez?x=secret");
    await expect.poll(() => observed.length).toBe(4);
    expect(observed.map(({ route, status }) => `${route} ${status}`)).toEqual([
      "/graphql 200",
      "/graphql 400",
      "unmatched 404",
      "/livez 200",
    ]);
    expect(observed.every(({ seconds }) => seconds >= 0 && seconds < 10)).toBe(true);
  });
});

describe("closing", () => {
  test("ends idle connections immediately and lets a request in flight finish", async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let started: () => void = () => undefined;
    const inFlight = new Promise<void>((resolve) => (started = resolve));
    const issue = async () => {
      started();
      await released;
      return issuedToken;
    };
    const { app, url } = await startServer({ issue });
    const agent = new Agent({ keepAlive: true });
    const inFlightResponse = new Promise<{ status: number | undefined; connection: string | undefined }>(
      (resolve, reject) => {
        const headers = { authorization: "Bearer good", "content-type": "application/json" };
        const request = httpRequest(`${url}/graphql`, { method: "POST", agent, headers }, (response) => {
          response.resume().on("end", () => {
            resolve({ status: response.statusCode, connection: response.headers.connection });
          });
        });
        request.on("error", reject).end(JSON.stringify({ query: tokenMutation }));
      },
    );
    await inFlight;
    const closed = app.close();
    await expect(fetch(`${url}/livez`, { keepalive: false })).rejects.toThrow();
    release();
    expect(await inFlightResponse).toEqual({ status: 200, connection: "close" });
    await closed;
    agent.destroy();
  });
});
