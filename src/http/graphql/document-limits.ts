import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";

/** The parser stops at this many tokens. */
export const maxLexicalTokens = 1000;

/**
 * The limits of one document, over all its operations and fragments. The introspection query of graphql-js has 81
 * selections and 3 fragments.
 */
const limits = { aliases: 5, directives: 10, depth: 8, selections: 100, fragments: 20 };

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** Introspection nests deeper than any document of an app; graphql-js has its own limit for it. */
const isIntrospection = (name: string) => name === "__schema" || name === "__type";

function toFragments({ definitions }: DocumentNode): Fragments {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

/** Calls `visit` for every selection as written, without expanding fragments, in time linear in the document's size. */
function visitSelections(set: SelectionSetNode | undefined, visit: (selection: SelectionNode) => void): void {
  for (const selection of set?.selections ?? []) {
    visit(selection);
    if (selection.kind !== Kind.FRAGMENT_SPREAD) visitSelections(selection.selectionSet, visit);
  }
}

function countNodes(document: DocumentNode) {
  const counts = { aliases: 0, directives: 0, selections: 0, fragments: 0 };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) counts.fragments += 1;
    else if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    else
      for (const variable of definition.variableDefinitions ?? []) {
        counts.directives += variable.directives?.length ?? 0;
      }
    counts.directives += definition.directives?.length ?? 0;
    visitSelections(definition.selectionSet, (selection) => {
      counts.selections += 1;
      counts.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD && selection.alias !== undefined) counts.aliases += 1;
    });
  }
  return counts;
}

/**
 * Measures how deep fields nest, with fragments expanded. Each fragment is measured once. A fragment that contains
 * itself counts as flat, since validation rejects it anyway.
 */
function measureDepth(operation: OperationDefinitionNode, fragments: Fragments): number {
  const depths = new Map<string, number>();
  const depthOfSpread = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    depths.set(name, 0);
    const depth = depthOf(fragments.get(name)?.selectionSet);
    depths.set(name, depth);
    return depth;
  };
  const depthOf = (set: SelectionSetNode | undefined): number =>
    (set?.selections ?? []).reduce((deepest, selection) => Math.max(deepest, depthOfSelection(selection)), 0);
  const depthOfSelection = (selection: SelectionNode): number => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return depthOfSpread(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return depthOf(selection.selectionSet);
    return isIntrospection(selection.name.value) ? 1 : 1 + depthOf(selection.selectionSet);
  };
  return depthOf(operation.selectionSet);
}

/**
 * Counts the fields that a mutation would run: one per response name, because fields of the same name are merged.
 * `@include` and `@skip` are ignored, since their variables are not known yet. `__typename` runs nothing.
 */
function countRootFields(operation: OperationDefinitionNode, fragments: Fragments): number {
  const responseNames = new Set<string>();
  const seen = new Set<string>();
  const collect = (set: SelectionSetNode | undefined): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        if (selection.name.value !== "__typename") {
          responseNames.add((selection.alias ?? selection.name).value);
        }
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet);
      } else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        collect(fragments.get(selection.name.value)?.selectionSet);
      }
    }
  };
  collect(operation.selectionSet);
  return responseNames.size;
}

/** Returns the limit that a document exceeds, or `null`. */
function findLimitProblem(document: DocumentNode): string | null {
  const counts = countNodes(document);
  for (const noun of ["aliases", "directives", "selections", "fragments"] as const) {
    if (counts[noun] > limits[noun]) return `The document has more than ${limits[noun]} ${noun}.`;
  }
  const fragments = toFragments(document);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (measureDepth(definition, fragments) > limits.depth) {
      return `The document nests fields more than ${limits.depth} levels deep.`;
    }
    const isMutation = definition.operation === OperationTypeNode.MUTATION;
    if (isMutation && countRootFields(definition, fragments) > 1) {
      return "A mutation may have only one field; send a separate request for each.";
    }
  }
  return null;
}

/**
 * Checks a document against the limits, before Apollo validates it. A mutation may also have only one field, so that
 * one HTTP request cannot issue more than one sign-in token.
 *
 * The check takes time linear in the document's size. It must precede validation, which compares fields pairwise and can
 * take tens of milliseconds even within the token limit.
 *
 * Returns the error, or `null`. Also returns `null` for a document that does not parse, because Apollo reports that.
 */
export function checkLimits(query: string): GraphQLError | null {
  let problem: string | null;
  try {
    problem = findLimitProblem(parse(query, { maxLexicalTokens, noLocation: true }));
  } catch {
    return null;
  }
  return problem === null
    ? null
    : new GraphQLError(problem, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
}
