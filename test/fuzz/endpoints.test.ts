import { expect, onTestFinished, test } from "vitest";
import { startStackForTest } from "../support/security/use-test-stack.js";
import { fuzz, fuzzSettings } from "./fuzz.js";

test("no request brings a 5xx of ours, a word of our internals or an error without a code", async () => {
  const rejections: unknown[] = [];
  const note = (error: unknown) => void rejections.push(error);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));

  const team = await startStackForTest();
  const gateway = await team.startGateway(fuzzSettings);
  await gateway.untilReady();
  const { failures, statuses } = await fuzz({ team, gateway, requests: 2_000, seed: 20261122 });
  expect(failures).toEqual([]);
  expect(rejections).toEqual([]);
  // The requests reach far: some are good, and each layer has refused some.
  for (const status of [200, 202, 400, 401, 404, 405, 413, 415]) {
    expect(statuses.get(status) ?? 0, `answers with ${status}`).toBeGreaterThan(0);
  }
}, 60_000);
