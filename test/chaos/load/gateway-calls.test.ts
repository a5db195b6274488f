import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { callGateway, type Gateway } from "./gateway-calls.js";

const answers: Record<string, RequestListener> = {
  "/well": (_request, response) => response.end("well"),
  "/broken": (request) => request.socket.destroy(),
};
const server = createServer((request, response) => answers[request.url ?? ""]?.(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const calm: Gateway["process"] = { name: "gateway-0", wasDisturbed: () => false, ageMs: () => 60_000 };
const call = (path: string, process: Partial<Gateway["process"]> = {}, base = url) =>
  callGateway({ url: base, process: { ...calm, ...process } }, { path, headers: {}, body: "" });

test("an answer is given as it came", async () => {
  expect(await call("/well")).toEqual({ status: 200, text: "well" });
});

test("a gateway that breaks a connection is to blame, unless the run has hurt it meanwhile", async () => {
  expect(await call("/broken")).toMatchObject({ noResponse: "broken off" });
  const hurt = { wasDisturbed: () => true };
  expect(await call("/broken", hurt)).toMatchObject({ noResponse: "no answer, the gateway was hurt" });
});

test("a gateway that takes no connection is to blame, unless it has just been started", async () => {
  const nowhere = "http://127.0.0.1:1";
  expect(await call("/", {}, nowhere)).toMatchObject({ noResponse: "broken off" });
  const young = { ageMs: () => 5_000 };
  expect(await call("/", young, nowhere)).toMatchObject({ noResponse: "no answer, the gateway was hurt" });
});

test("who gives up itself blames nobody", async () => {
  const signal = AbortSignal.abort();
  const gateway = { url, process: calm };
  expect(await callGateway(gateway, { path: "/well", headers: {}, body: "", signal })).toMatchObject({
    noResponse: "given up",
  });
});
