import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { startTestSimulator, type TestSimulator } from "../support/simulator.js";

let vital: TestSimulator;
beforeAll(async () => {
  vital = await startTestSimulator();
});
afterAll(() => vital.close());
beforeEach(() => vital.call("POST", "/__simulator/reset", { key: null }));

const ledger = async () => (await vital.read("ledger")).users as { clientUserId: string }[];
const codeOf = (error: unknown) => (error as { cause?: { code?: string } }).cause?.code;

describe("a status", () => {
  test("is returned instead of doing the work, for the given number of requests", async () => {
    await vital.fault({
      operation: "create-user",
      kind: "status",
      status: 429,
      retryAfterSeconds: 7,
      times: 2,
    });
    for (let n = 0; n < 2; n += 1) {
      const { status, headers, body } = await vital.create("limited");
      expect([status, headers.get("retry-after")]).toEqual([429, "7"]);
      expect(body).toEqual({ detail: "Too Many Requests" });
    }
    expect(await ledger()).toEqual([]);
    expect((await vital.create("limited")).status).toBe(200);
  });

  test("of 500 and above is plain text, and a 401 has Vital's text for an invalid key", async () => {
    await vital.fault({ operation: "*", kind: "status", status: 503, times: 1 });
    const down = await vital.resolve("u");
    expect([down.status, down.text]).toEqual([503, "Service Unavailable"]);
    expect(down.headers.get("content-type")).toMatch(/^text\/plain/);
    await vital.fault({ kind: "status", status: 401, times: 1 });
    expect((await vital.resolve("u")).body).toEqual({ detail: "invalid token" });
  });

  test("may have a custom body", async () => {
    const body = { detail: { error_type: "reauthentication_required" } };
    await vital.fault({ operation: "exchange-token", kind: "status", status: 400, body, times: 1 });
    expect((await vital.exchange({ grant_type: "refresh_token" })).body).toEqual(body);
    await vital.fault({ kind: "status", status: 200, body: "<html>", times: 1 });
    expect((await vital.create("html")).text).toBe("<html>");
  });

  test("affects only the given operation", async () => {
    await vital.fault({ operation: "sign-in-token", kind: "status", status: 500 });
    const vitalUserId = await vital.createId("unaffected");
    expect((await vital.token(vitalUserId)).status).toBe(500);
    await vital.call("DELETE", "/__simulator/faults", { key: null });
    expect((await vital.token(vitalUserId)).status).toBe(200);
  });
});

describe("a delay", () => {
  test("postpones the response", async () => {
    await vital.fault({ operation: "create-user", kind: "delay", delayMs: 120, times: 1 });
    const startedAt = performance.now();
    expect((await vital.create("slow")).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(110);
  });

  test("does the work even though the client has disconnected", async () => {
    await vital.fault({ operation: "create-user", kind: "delay", delayMs: 150, times: 1 });
    const body = { client_user_id: "disconnected" };
    const call = vital.call("POST", "/v2/user", { body, signal: AbortSignal.timeout(40) });
    await expect(call).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await ledger()).toEqual([]);
    await vi.waitFor(async () => {
      expect(await ledger()).toMatchObject([{ clientUserId: "disconnected" }]);
    });
  });
});

test("a reset breaks the connection before the work is done", async () => {
  await vital.fault({ operation: "create-user", kind: "reset", times: 1 });
  const error: unknown = await vital.create("reset").catch((caught: unknown) => caught);
  expect(codeOf(error)).toBe("ECONNRESET");
  expect(await ledger()).toEqual([]);
});

test("a hang never responds and does no work; it ends when the client disconnects and on a reset", async () => {
  await vital.fault({ operation: "create-user", kind: "hang", times: 2 });
  const body = { client_user_id: "hung" };
  const abandoned = vital.call("POST", "/v2/user", { body, signal: AbortSignal.timeout(60) });
  await expect(abandoned).rejects.toMatchObject({ name: "TimeoutError" });
  const freed = vital.create("hung").catch((caught: unknown) => caught);
  await vi.waitFor(async () => {
    const requests = (await vital.read("requests")).requests;
    expect(requests).toEqual([{ method: "POST", path: "/v2/user", status: null, count: 2 }]);
  });
  await vital.call("POST", "/__simulator/reset", { key: null });
  expect(codeOf(await freed)).toBe("UND_ERR_SOCKET");
  expect(await ledger()).toEqual([]);
});

describe("a response lost after the commit", () => {
  test("leaves a user that the caller does not know about", async () => {
    await vital.fault({ operation: "create-user", kind: "commit-then-fail", times: 1 });
    const error: unknown = await vital.create("lost").catch((caught: unknown) => caught);
    expect(codeOf(error)).toBe("UND_ERR_SOCKET");
    expect(await ledger()).toMatchObject([{ clientUserId: "lost" }]);
    expect((await vital.create("lost")).status).toBe(400);
  });

  test("may be replaced by a status", async () => {
    await vital.fault({
      operation: "*",
      kind: "commit-then-fail",
      status: 502,
      retryAfterSeconds: 1,
      times: 1,
    });
    const { status, headers } = await vital.create("lost");
    expect([status, headers.get("retry-after")]).toEqual([502, "1"]);
    expect((await vital.resolve("lost")).status).toBe(200);
  });
});

test("the first matching fault applies, and the next one applies once the first is used up", async () => {
  await vital.fault({ operation: "create-user", kind: "status", status: 503, times: 1 });
  await vital.fault({ operation: "*", kind: "status", status: 500, times: 1 });
  const statuses = [];
  for (const id of ["a", "b", "c"]) statuses.push((await vital.create(id)).status);
  expect(statuses).toEqual([503, 500, 200]);
});

test("a probability affects the same requests for the same seed", async () => {
  const run = async (seed: number) => {
    await vital.call("POST", "/__simulator/reset", { key: null });
    await vital.fault({ operation: "create-user", kind: "status", status: 503, probability: 0.3, seed });
    let pattern = "";
    for (let n = 0; n < 200; n += 1) pattern += (await vital.create(`p${n}`)).status === 503 ? "x" : ".";
    return pattern;
  };
  const first = await run(7);
  expect(await run(7)).toBe(first);
  expect(await run(8)).not.toBe(first);
  const affected = first.replaceAll(".", "").length;
  expect(affected).toBeGreaterThan(35);
  expect(affected).toBeLessThan(85);
});

test("active faults can be listed", async () => {
  await vital.fault({ operation: "create-user", kind: "status", status: 503, times: 3 });
  await vital.create("listed");
  expect((await vital.read("faults")).faults).toMatchObject([
    { operation: "create-user", kind: "status", status: 503, times: 3, struck: 1 },
  ]);
});

test.each([
  [{ kind: "explode" }, "kind"],
  [{ kind: "status" }, "status"],
  [{ kind: "status", status: 42 }, "status"],
  [{ kind: "delay" }, "delayMs"],
  [{ kind: "delay", delayMs: -1 }, "delayMs"],
  [{ kind: "reset", operation: "create" }, "operation"],
  [{ kind: "reset", probability: 1.5 }, "probability"],
  [{ kind: "reset", times: 0 }, "times"],
  [{ kind: "reset", time: 1 }, "time"],
  [null, "object"],
])("the fault %j is rejected with a reason", async (fault, reason) => {
  const { status, body } = await vital.call("POST", "/__simulator/faults", { body: fault, key: null });
  expect(status).toBe(400);
  expect(body.error).toMatch(reason);
  expect((await vital.read("faults")).faults).toEqual([]);
});

test("a fault that is not JSON is rejected", async () => {
  const { status, body } = await vital.call("POST", "/__simulator/faults", { raw: "{" });
  expect([status, body.error]).toEqual([400, "the body is not JSON"]);
});

test("the simulator keeps working after it receives bytes that are not HTTP", async () => {
  const { hostname, port } = new URL(vital.url);
  const response = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end("\u0000garbage\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("close", () => {
      resolve(text);
    });
    socket.on("error", reject);
  });
  expect(response).toMatch(/^HTTP\/1\.1 400/);
  expect((await vital.create("still here")).status).toBe(200);
});
