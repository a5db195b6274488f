import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { captureOutput } from "../support/capture-output.js";
import { startStackForFile } from "../support/security/use-test-stack.js";

const stack = startStackForFile();
const phrase = "several people may have the same app user id, and with it the same Vital user";
const viewerQuery = "{ __typename }";

/** Starts a gateway and returns what its operator sees. */
async function startObservedGateway() {
  const output = captureOutput();
  const gateway = await stack().startGateway({ LOG_LEVEL: "warn" });
  await gateway.untilReady();
  return {
    async signIn(sub: string, claims: Record<string, unknown>): Promise<number> {
      const { status } = await gateway.query(stack().token(sub, claims), viewerQuery);
      return status;
    },
    output,
    warnings: (): unknown[] =>
      output()
        .split("\n")
        .filter((line) => line.includes(phrase))
        .map((line): unknown => JSON.parse(line)),
    async counts(): Promise<Record<string, number>> {
      const body = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      const samples = body.matchAll(/^vital_gateway_shared_user_ids_total\{claim="([^"]+)"\} (\d+)$/gm);
      return Object.fromEntries(
        [...samples].map(([, claim = "", count]): [string, number] => [claim, Number(count)]),
      );
    },
  };
}

test("an app user id with two object ids causes one warning and a metric, without any value", async () => {
  const { signIn, output, warnings, counts } = await startObservedGateway();
  const oids = [randomUUID(), randomUUID(), randomUUID()];
  for (const oid of oids) expect(await signIn("customer", { oid })).toBe(200);
  expect(warnings()).toMatchObject([
    {
      level: "warn",
      reason: "tokens with one sub had 2 values of oid within ten minutes",
      fix: expect.stringContaining("set AUTH_USER_ID_CLAIM=oid") as string,
    },
  ]);
  expect(await counts()).toEqual({ oid: 1 });
  for (const value of [...oids, "customer"]) expect(output()).not.toContain(value);
});

test("a constant id in a fleet is found from the e-mail addresses of its users", async () => {
  const { signIn, output, warnings, counts } = await startObservedGateway();
  const users = Array.from({ length: 50 }, (_, index) => `person${index}@example.com`);
  const statuses = await Promise.all(users.map((email) => signIn("everyone", { email })));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(warnings()).toMatchObject([
    { reason: "tokens with one sub had 3 values of email within ten minutes" },
  ]);
  expect(await counts()).toEqual({ email: 1 });
  expect(output()).not.toContain("@example.com");
});

test("users with their own ids cause no warning, whatever they do alone", async () => {
  const { signIn, warnings, counts } = await startObservedGateway();
  const users = Array.from({ length: 50 }, (_, index) => `own-${index}`);
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(
      users.map((sub) => {
        const email = `${round === 1 ? sub.toUpperCase() : sub}@example.com`;
        return signIn(sub, { oid: `oid-of-${sub}`, email, sid: randomUUID(), locale: `l${round}` });
      }),
    );
  }
  for (const email of ["before@example.com", "after@example.com"])
    expect(await signIn("own-0-renamed", { email })).toBe(200);
  expect(warnings()).toEqual([]);
  expect(await counts()).toEqual({});
});
