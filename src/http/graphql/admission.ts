import { GraphQLError, parse } from "graphql";
import { documentLimits, findLimitProblem } from "./document-limits.js";

/** Beyond this, a document is not even parsed to its end. */
export const maxLexicalTokens = 1000;

// Apps send the same few documents; anybody may send others, so what is remembered is bounded: 4 MB at the most.
const maxRemembered = 500;
const maxRememberedLength = 4_000;

/**
 * Makes the check that a document passes before Apollo validates it: the limits must come first, because validation
 * of a document within the token limit can still take tens of milliseconds. A document that passed is remembered.
 *
 * Gives the reason to refuse or `null`; what does not parse is left to Apollo, which says so in its own words.
 */
export function createAdmission(): (query: string) => GraphQLError | null {
  const admitted = new Set<string>();

  const findProblem = (query: string): string | null => {
    try {
      return findLimitProblem(parse(query, { maxLexicalTokens, noLocation: true }), documentLimits);
    } catch {
      return null;
    }
  };

  const remember = (query: string) => {
    if (query.length > maxRememberedLength) return;
    if (admitted.size >= maxRemembered) admitted.clear();
    admitted.add(query);
  };

  return (query) => {
    if (admitted.has(query)) return null;
    const problem = findProblem(query);
    if (problem === null) {
      remember(query);
      return null;
    }
    return new GraphQLError(problem, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
  };
}
