import { expect, test } from "vitest";
import { negotiate } from "../../../src/http/graphql/content-negotiation.js";

const json = "application/json";
const graphql = "application/graphql-response+json";

test.each([
  [undefined, json],
  ["", json],
  ["*/*", json],
  ["application/*", json],
  [json, json],
  ["APPLICATION/JSON", json],
  [graphql, graphql],
  [`${graphql}, ${json}`, graphql],
  [`${json}, ${graphql}`, json],
  [`${graphql}, ${json};q=0.9`, graphql],
  [`${graphql};q=0.8, ${json};q=0.9`, json],
  [`${graphql}; charset=utf-8, ${json}; charset=utf-8`, graphql],
  [`text/html, ${graphql};q=0.5, */*;q=0.1`, graphql],
  [`${graphql}, */*`, graphql],
  [`${json};q=0, */*`, graphql],
  [`multipart/mixed;deferSpec=20220824, ${graphql}, ${json}`, graphql],
  ["text/html", null],
  [`${json};q=0`, null],
  [`${json};charset=latin1`, null],
  ["nonsense", null],
])("Accept: %s selects %s", (accept, expected) => {
  expect(negotiate(accept)).toBe(expected);
});
