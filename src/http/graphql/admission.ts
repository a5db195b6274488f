import { GraphQLError, parse } from "graphql";
import { documentLimits, findLimitProblem } from "./document-limits.js";

/** Beyond this, a document is not even parsed to its end. */
export const maxLexicalTokens = 1000;

/**
 * The check that a document passes before Apollo validates it: the limits must come first, because validation of a
 * document within the token limit can still take tens of milliseconds.
 *
 * Gives the reason to refuse or `null`; what does not parse is left to Apollo, which says so in its own words.
 */
export function findAdmissionProblem(query: string): GraphQLError | null {
  let problem: string | null;
  try {
    problem = findLimitProblem(parse(query, { maxLexicalTokens, noLocation: true }), documentLimits);
  } catch {
    return null;
  }
  return problem === null
    ? null
    : new GraphQLError(problem, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
}
