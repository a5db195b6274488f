import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { callGateway, type Gateway } from "./gateway-calls.js";

const handlers: Record<string, RequestListener> = {
  "/ok": (_request, response) => response.end("ok"),
  "/broken": (request) => request.socket.destroy(),
};
const server = createServer((request, response) => handlers[request.url ?? ""]?.(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const undisturbed: Gateway["process"] = { name: "gateway-0", wasDisturbed: () => false, ageMs: () => 60_000 };
const call = (path: string, process: Partial<Gateway["process"]> = {}, base = url) =>
  callGateway({ url: base, process: { ...undisturbed, ...process } }, { path, headers: {}, body: "" });

test("a response is returned as it arrived", async () => {
  expect(await call("/ok")).toEqual({ status: 200, text: "ok" });
});

test("a broken connection is the gateway's fault unless the run has disturbed it during the call", async () => {
  expect(await call("/broken")).toMatchObject({ noResponse: "connection broken" });
  const disturbed = { wasDisturbed: () => true };
  expect(await call("/broken", disturbed)).toMatchObject({
    noResponse: "no response, gateway disturbed by the run",
  });
});

test("a refused connection is the gateway's fault unless it has just been started", async () => {
  const unusedUrl = "http://127.0.0.1:1";
  expect(await call("/", {}, unusedUrl)).toMatchObject({ noResponse: "connection broken" });
  const young = { ageMs: () => 5_000 };
  expect(await call("/", young, unusedUrl)).toMatchObject({
    noResponse: "no response, gateway disturbed by the run",
  });
});

test("a call that the client aborts is not the gateway's fault", async () => {
  const signal = AbortSignal.abort();
  const gateway = { url, process: undisturbed };
  expect(await callGateway(gateway, { path: "/ok", headers: {}, body: "", signal })).toMatchObject({
    noResponse: "aborted by the client",
  });
});
