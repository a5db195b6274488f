import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createAgent, createPool } from "../../src/http-client/pool.js";
import { HttpRequestError, sendRequest, type HttpRequest } from "../../src/http-client/send-request.js";

async function startServer(listener: RequestListener) {
  const server = createHttpServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function openPool(origin: string, connections = 2) {
  const pool = createPool(origin, { connections, connectTimeoutMs: 1_000 });
  onTestFinished(() => pool.destroy());
  return pool;
}

const get: HttpRequest = {
  method: "GET",
  path: "/documents?limit=1",
  headers: { accept: "application/json" },
};

/** The message of the {@link HttpRequestError} that a request ends with. */
async function failure(response: Promise<unknown>): Promise<string> {
  const error = await response.then(
    () => new Error("the request succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpRequestError)) throw error as Error;
  return error.message;
}

test("a request is sent as given, and the whole response is returned", async () => {
  const received: unknown[] = [];
  const origin = await startServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      received.push([method, url, headers["content-type"], Buffer.concat(chunks).toString()]);
      response.writeHead(201, { etag: '"v1"' }).write("é漢");
      setTimeout(() => response.end("字"), 20);
    });
  });
  const request: HttpRequest = {
    method: "POST",
    path: "/users",
    headers: { "content-type": "application/json" },
    body: '{"a":"é"}',
  };
  const response = await sendRequest(openPool(origin), request, { timeoutMs: 2_000 });
  expect(received).toEqual([["POST", "/users", "application/json", '{"a":"é"}']]);
  expect(response).toMatchObject({ status: 201, text: "é漢字", headers: { etag: '"v1"' } });
});

test("a conditional request returns 304 without a body", async () => {
  const origin = await startServer((request, response) => {
    response.writeHead(request.headers["if-none-match"] === '"v1"' ? 304 : 200, { etag: '"v1"' }).end();
  });
  const request = { ...get, headers: { "if-none-match": '"v1"' } };
  const response = await sendRequest(openPool(origin), request, { timeoutMs: 2_000 });
  expect(response).toMatchObject({ status: 304, text: "" });
});

test("a redirect is returned, not followed", async () => {
  const paths: (string | undefined)[] = [];
  const origin = await startServer((request, response) => {
    paths.push(request.url);
    response.writeHead(302, { location: "/elsewhere" }).end();
  });
  expect(await sendRequest(openPool(origin), get, { timeoutMs: 2_000 })).toMatchObject({ status: 302 });
  expect(paths).toEqual([get.path]);
});

test("an agent sends each request to its own origin", async () => {
  const origins = await Promise.all(
    ["a", "b"].map((name) => startServer((_request, response) => response.end(name))),
  );
  const agent = createAgent({ connections: 2, connectTimeoutMs: 1_000, keepAliveMs: 1_000 });
  onTestFinished(() => agent.destroy());
  const responses = await Promise.all(
    origins.map((origin) => sendRequest(agent, { ...get, origin }, { timeoutMs: 2_000 })),
  );
  expect(responses.map(({ text }) => text)).toEqual(["a", "b"]);
});

test("a response body may be as large as the limit and no larger", async () => {
  const origin = await startServer((_request, response) => response.end("x".repeat(1_000)));
  const pool = openPool(origin);
  const response = await sendRequest(pool, get, { timeoutMs: 2_000, maxResponseBytes: 1_000 });
  expect(response.text).toHaveLength(1_000);
  const message = await failure(sendRequest(pool, get, { timeoutMs: 2_000, maxResponseBytes: 999 }));
  expect(message).toBe("the response is larger than 999 bytes");
});

test("an endless response is cut off at 1 MiB by default", async () => {
  const origin = await startServer((_request, response) => {
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(64 * 1024)));
    };
    response.on("drain", write);
    write();
  });
  expect(await failure(sendRequest(openPool(origin), get, { timeoutMs: 5_000 }))).toBe(
    "the response is larger than 1048576 bytes",
  );
});

test.each([
  ["no response at all", () => undefined],
  [
    "headers and no body",
    (response: { flushHeaders(): void }) => {
      response.flushHeaders();
    },
  ],
] as const)("a server that sends %s costs no more than the timeout", async (_name, respond) => {
  const origin = await startServer((_request, response) => {
    respond(response);
  });
  const startedAt = performance.now();
  const message = await failure(sendRequest(openPool(origin), get, { timeoutMs: 200 }));
  expect(message).toBe("no response within 200 ms");
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("a body that arrives byte by byte does not extend the timeout", async () => {
  const origin = await startServer((_request, response) => {
    const timer = setInterval(() => response.write("x"), 20);
    response.on("close", () => {
      clearInterval(timer);
    });
  });
  const message = await failure(sendRequest(openPool(origin), get, { timeoutMs: 200 }));
  expect(message).toBe("no response within 200 ms");
});

test("a request that waits for a free connection until its timeout is never sent", async () => {
  let requests = 0;
  const origin = await startServer((_request, response) => {
    requests += 1;
    setTimeout(() => response.end("late"), 200);
  });
  const pool = openPool(origin, 1);
  const first = sendRequest(pool, get, { timeoutMs: 2_000 });
  expect(await failure(sendRequest(pool, get, { timeoutMs: 50 }))).toBe("no response within 50 ms");
  expect((await first).text).toBe("late");
  await sendRequest(pool, get, { timeoutMs: 2_000 });
  expect(requests).toBe(2);
});

test("a refused connection is named by its code, without the address", async () => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const pool = openPool(`http://127.0.0.1:${port}`);
  expect(await failure(sendRequest(pool, get, { timeoutMs: 2_000 }))).toBe(
    "the connection failed (ECONNREFUSED)",
  );
});

test("bytes that are not HTTP are not repeated in the error", async () => {
  const server = createTcpServer((socket) => socket.end("SSH-2.0-secret banner\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const pool = openPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const message = await failure(sendRequest(pool, get, { timeoutMs: 2_000 }));
  expect(message).toMatch(/^the connection failed \(\w+\)$/);
  expect(message).not.toContain("SSH");
});

test("a signal aborts a request in flight and frees its connection", async () => {
  let requests = 0;
  const origin = await startServer((_request, response) => {
    requests += 1;
    if (requests > 1) response.end("ok");
  });
  const pool = openPool(origin, 1);
  const abort = new AbortController();
  const aborted = failure(sendRequest(pool, get, { timeoutMs: 5_000, signal: abort.signal }));
  await expect.poll(() => requests).toBe(1);
  abort.abort();
  expect(await aborted).toBe("the request was aborted");
  expect((await sendRequest(pool, get, { timeoutMs: 2_000 })).text).toBe("ok");
});

test("with a signal that is already aborted nothing is sent", async () => {
  let requests = 0;
  const origin = await startServer((_request, response) => {
    requests += 1;
    response.end();
  });
  const pool = openPool(origin);
  const message = await failure(sendRequest(pool, get, { timeoutMs: 2_000, signal: AbortSignal.abort() }));
  expect(message).toBe("the request was aborted");
  await sendRequest(pool, get, { timeoutMs: 2_000 });
  expect(requests).toBe(1);
});

test("requests of a destroyed pool fail", async () => {
  const origin = await startServer(() => undefined);
  const pool = openPool(origin);
  const inFlight = failure(sendRequest(pool, get, { timeoutMs: 5_000 }));
  await pool.destroy();
  expect(await inFlight).toMatch(/^the connection failed/);
  expect(await failure(sendRequest(pool, get, { timeoutMs: 5_000 }))).toMatch(/^the connection failed/);
});
