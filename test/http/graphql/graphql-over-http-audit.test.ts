import { serverAudits } from "graphql-http";
import { expect, test } from "vitest";
import { startServer } from "../../support/http/test-server.js";

test("the GraphQL over HTTP audit finds nothing", async () => {
  // The audit reads types by introspection.
  const { url } = await startServer({ graphql: { introspection: true } });
  const fetchWithToken: typeof fetch = (input, init) =>
    fetch(input, {
      ...init,
      headers: { ...(init?.headers as Record<string, string>), authorization: "Bearer good" },
    });
  const audits = serverAudits({ url: `${url}/graphql`, fetchFn: fetchWithToken });
  const results = await Promise.all(audits.map((audit) => audit.fn()));

  const violated = results.filter(({ status }) => status !== "ok").map(({ id, name }) => `${id} ${name}`);
  expect(results.length).toBeGreaterThan(55);
  expect(violated).toEqual([]);
});
