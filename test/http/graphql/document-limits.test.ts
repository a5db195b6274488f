import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkLimits } from "../../../src/http/graphql/document-limits.js";
import { codeOf, startServer, tokenMutation } from "../../support/http/test-server.js";

const field = "vitalSignInToken { userId }";
const aliased = (count: number) => Array.from({ length: count }, (_, i) => `a${i}: ${field}`).join(" ");
const range = (count: number, toText: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => toText(i)).join(" ");

describe("one request issues at most one token", () => {
  test.each([
    ["two aliases", `mutation { a: ${field} b: ${field} }`],
    ["an alias beside the field", `mutation { ${field} b: ${field} }`],
    ["1,000 aliases", `mutation { ${aliased(1000)} }`],
    ["a fragment with aliases", `mutation { ...F } fragment F on Mutation { a: ${field} b: ${field} }`],
    [
      "two fragments",
      `mutation { ...F ...G } fragment F on Mutation { a: ${field} } fragment G on Mutation { b: ${field} }`,
    ],
    [
      "fragments in fragments",
      `mutation { ...F } fragment F on Mutation { a: ${field} ...G } fragment G on Mutation { b: ${field} }`,
    ],
    ["inline fragments", `mutation { ... { a: ${field} } ... on Mutation { b: ${field} } }`],
    [
      "a directive that depends on a variable",
      `mutation M($x: Boolean = true) { a: ${field} b: ${field} @include(if: $x) }`,
    ],
    ["a skipped alias", `mutation { a: ${field} b: ${field} @skip(if: true) }`],
    [
      "circular fragments",
      `mutation { ...F } fragment F on Mutation { a: ${field} ...G } fragment G on Mutation { b: ${field} ...F }`,
    ],
    ["a fragment of itself", `mutation { ...F } fragment F on Mutation { ...F ${field} }`],
  ])("%s: the whole document is rejected", async (_name, document) => {
    const { query, calls } = await startServer();
    const { body } = await query(document);
    expect(codeOf(body)).toMatch(/^GRAPHQL_(VALIDATION|PARSE)_FAILED$/);
    expect(calls.issued).toBe(0);
  });

  test.each([
    ["the field twice", `mutation { ${field} vitalSignInToken { signInToken } }`],
    [
      "the field in a fragment that is spread twice",
      `mutation { ...F ...F } fragment F on Mutation { ${field} }`,
    ],
    ["one alias and __typename", `mutation { __typename a: ${field} }`],
  ])("%s: merged into one call", async (_name, document) => {
    const { query, calls } = await startServer();
    const { body } = await query(document);
    expect(body.errors).toBeUndefined();
    expect(calls.issued).toBe(1);
  });

  test("of several operations only the one with the requested name runs", async () => {
    const { post, calls } = await startServer();
    const document = `mutation A { ${field} } mutation B { ${field} } query C { viewer { id } }`;
    const response = await post({ query: document, operationName: "B" });
    expect(await response.json()).toHaveProperty("data.vitalSignInToken");
    await post({ query: document, operationName: "C" });
    await post({ query: document });
    expect(calls.issued).toBe(1);
  });

  test("a batch of requests issues no token", async () => {
    const { post, calls } = await startServer();
    const response = await post(Array.from({ length: 10 }, () => ({ query: tokenMutation })));
    expect(response.status).toBe(400);
    expect(calls.issued).toBe(0);
  });

  test("however its fragments, aliases and directives are combined", async () => {
    const { query, calls } = await startServer();
    const name = fc.constantFrom("", "a: ", "b: ");
    const directive = fc.constantFrom("", "@include(if: true)", "@skip(if: true)", "@skip(if: false)");
    const { selections } = fc.letrec<{ selections: string; selection: string }>((tie) => ({
      selections: fc.array(tie("selection"), { minLength: 1, maxLength: 4 }).map((all) => all.join(" ")),
      selection: fc.oneof(
        { depthSize: "small" },
        fc.tuple(name, directive).map(([alias, when]) => `${alias}vitalSignInToken ${when} { userId }`),
        fc.constantFrom("...F", "...G", "__typename"),
        fc.tuple(directive, tie("selections")).map(([when, inner]) => `... ${when} { ${inner} }`),
      ),
    }));
    const document = fc
      .tuple(selections, selections, selections)
      .map(
        ([m, f, g]) =>
          `mutation { ${m} ...F ...G } fragment F on Mutation { ${f} } fragment G on Mutation { ${g} }`,
      );
    await fc.assert(
      fc.asyncProperty(document, async (text) => {
        const before = calls.issued;
        const { status } = await query(text);
        expect(status).toBe(200);
        expect(calls.issued - before).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150 },
    );
  });
});

describe("limits of a document", () => {
  const limitProblem = (document: string) => checkLimits(document)?.message;

  test.each([
    ["aliases", `{ ${range(6, (i) => `a${i}: __typename`)} }`, "more than 5 aliases"],
    [
      "aliases over several fragments",
      `{ ...F ...G } fragment F on Query { ${range(3, (i) => `a${i}: __typename`)} } fragment G on Query { ${range(3, (i) => `b${i}: __typename`)} }`,
      "more than 5 aliases",
    ],
    ["directives", `{ __typename ${range(11, () => "@x")} }`, "more than 10 directives"],
    [
      "directives of variables",
      `query A($a: Int ${range(11, () => "@x")}) { __typename }`,
      "more than 10 directives",
    ],
    ["depth", `${"{ a ".repeat(9)}${"}".repeat(9)}`, "more than 8 levels deep"],
    [
      "depth by fragments",
      `{ a { b { ...F } } } fragment F on X { c { d { ...G } } } fragment G on X { e { f { g { h { i } } } } }`,
      "more than 8 levels deep",
    ],
    ["selections", `{ ${"a ".repeat(101)} }`, "more than 100 selections"],
    ["fragments", `{ a } ${range(21, (i) => `fragment F${i} on X { a }`)}`, "more than 20 fragments"],
  ])("apply to %s", (_name, document, problem) => {
    expect(limitProblem(document)).toContain(problem);
  });

  test("allow the documents of apps and the introspection query of tools", async () => {
    const { getIntrospectionQuery } = await import("graphql");
    expect(limitProblem(getIntrospectionQuery())).toBeUndefined();
    expect(limitProblem(tokenMutation)).toBeUndefined();
    expect(limitProblem(`{ ${range(5, (i) => `a${i}: viewer { id }`)} }`)).toBeUndefined();
    expect(limitProblem(`${"{ a ".repeat(8)}${"}".repeat(8)}`)).toBeUndefined();
  });
});

describe("a hostile document", () => {
  const hostile: Record<string, string> = {
    "one field many times": `{ viewer { ${"id ".repeat(20_000)} } }`,
    "one field up to the token limit": `{ viewer { ${"id ".repeat(990)} } }`,
    "root fields of one name": `{ ${"viewer{id} ".repeat(240)} }`,
    "the most selections": `{ ${"viewer{id} ".repeat(50)} }`,
    "the most fragments": `{viewer{${range(20, (i) => `...F${i}`)}}} ${range(20, (i) => `fragment F${i} on Viewer{id ${range(3, (j) => `...F${(i + j) % 20}`)}}`)}`,
    "fragments that double": `{viewer{...F0}} ${range(19, (i) => `fragment F${i} on Viewer{...F${i + 1} ...F${i + 1}}`)} fragment F19 on Viewer{id}`,
    "a ring of fragments": `{viewer{...F0}} ${range(60, (i) => `fragment F${i} on Viewer{id ...F${(i + 1) % 60}}`)}`,
    "deep brackets": `{a(b:${"[".repeat(40_000)}`,
    "deep selections": "{a".repeat(20_000),
    "deep inline fragments": `{viewer{${"...{".repeat(240)}id${"}".repeat(242)}`,
    variables: `query(${range(199, (i) => `$a${i}:ID`)}){viewer{id}}`,
    "one long name": `{ ${"a".repeat(64_000)} }`,
    "one long comment": `#${"a".repeat(64_000)}\n{viewer{id}}`,
    "one long string": `{viewer(a:"${"\\n".repeat(20_000)}"){id}}`,
    "many operations": range(130, (i) => `query Q${i}{viewer{id}}`),
  };

  test.each(Object.entries(hostile))("takes little CPU time: %s", async (_name, text) => {
    const { post } = await startServer();
    await post({ query: "{ viewer { id } }" });
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      // Different text each time, so that the cache does not help.
      const body = JSON.stringify({ query: `${text} # ${round}` });
      const before = process.cpuUsage();
      const response = await post(body);
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1000);
      expect(response.status).toBe(200);
    }
    const best = Math.min(...times);
    // This process runs both the client and the server.
    expect(best).toBeLessThan(20);
  });
});
