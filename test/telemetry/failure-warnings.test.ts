import { expect, test } from "vitest";
import type { ProvisioningFailure } from "../../src/core/provisioning/failures.js";
import { createFailureWarnings } from "../../src/telemetry/failure-warnings.js";
import { createManualClock } from "../support/manual-clock.js";
import { createRecordingLog } from "../support/recording-log.js";

const failure: ProvisioningFailure = {
  job: "deprovision-user",
  code: "VITAL_UNKNOWN_PATH",
  reason: "resolve-user: 404 Not Found",
  status: 404,
  attempts: 1,
  ageMs: 61_400,
  isAttempt: true,
};

function setUp() {
  const clock = createManualClock();
  const { log, lines } = createRecordingLog();
  return { clock, lines, warn: createFailureWarnings({ log, now: clock.now }) };
}

test("the first failure of a deletion is one warning with the reason, and further ones are quiet for five minutes", () => {
  const { clock, lines, warn } = setUp();
  for (let count = 0; count < 100; count += 1) warn(failure);
  const fields = { code: "VITAL_UNKNOWN_PATH", reason: failure.reason, attempts: 1, ageSeconds: 61 };
  expect(lines).toEqual([{ level: "warn", phrase: "a deletion failed; it is repeated", fields }]);
  clock.advance(300_000);
  warn(failure);
  expect(lines).toHaveLength(2);
});

test("a deletion and a signup that keep failing have warnings of their own, with their attempts", () => {
  const { lines, warn } = setUp();
  warn(failure);
  warn({ ...failure, attempts: 5 });
  warn({ ...failure, attempts: 900, ageMs: 86_400_000 });
  warn({ ...failure, job: "provision-user", attempts: 7 });
  warn({ ...failure, job: "provision-user", isAttempt: false });
  expect(lines.map(({ phrase }) => phrase)).toEqual([
    "a deletion failed; it is repeated",
    "a deletion keeps failing",
    "provisioning keeps failing for a signup",
    "a signup waits to be provisioned",
  ]);
  expect(lines[1]?.fields).toMatchObject({ attempts: 5 });
});

test("each reason is logged, although another one was logged a moment before", () => {
  const { lines, warn } = setUp();
  warn(failure);
  warn({ ...failure, code: "VITAL_UNAVAILABLE", status: 500, reason: "delete-user: 500" });
  warn({ ...failure, code: "VITAL_UNAVAILABLE", status: 502, reason: "delete-user: 502" });
  expect(lines).toHaveLength(3);
});

test("texts that differ for each user do not multiply the warnings", () => {
  const { lines, warn } = setUp();
  for (let count = 0; count < 1_000; count += 1) warn({ ...failure, reason: `422 user ${count}` });
  expect(lines).toHaveLength(1);
});
