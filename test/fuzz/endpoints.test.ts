import { expect, onTestFinished, test } from "vitest";
import { startStackForTest } from "../support/security/use-test-stack.js";
import { fuzz, fuzzSettings } from "./fuzz.js";

test("no request causes an unexpected 5xx, a response that shows internals, or an error without a code", async () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown) => void rejections.push(error);
  process.on("unhandledRejection", onRejection);
  onTestFinished(() => void process.off("unhandledRejection", onRejection));

  const stack = await startStackForTest();
  const gateway = await stack.startGateway(fuzzSettings);
  await gateway.untilReady();
  const { failures, statuses } = await fuzz({ stack: stack, gateway, requests: 2_000, seed: 20261122 });
  expect(failures).toEqual([]);
  expect(rejections).toEqual([]);
  // The requests reach every layer: some succeed, and each layer rejects some.
  for (const status of [200, 202, 400, 401, 404, 405, 413, 415]) {
    expect(statuses.get(status) ?? 0, `responses with status ${status}`).toBeGreaterThan(0);
  }
}, 60_000);
