import {
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";

/**
 * How much one document may ask for, all its operations and fragments together. The introspection query of
 * graphql-js has 81 selections and 3 fragments.
 */
export const documentLimits = { aliases: 5, directives: 10, depth: 8, selections: 100, fragments: 20 };
export type DocumentLimits = typeof documentLimits;

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** Introspection nests deeper than any document of an app, and graphql-js limits it by itself. */
const isIntrospection = (name: string) => name === "__schema" || name === "__type";

function toFragments({ definitions }: DocumentNode): Fragments {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

/** Calls `visit` for every selection as written, with fragments not expanded: linear in the document. */
function eachSelection(set: SelectionSetNode | undefined, visit: (selection: SelectionNode) => void): void {
  for (const selection of set?.selections ?? []) {
    visit(selection);
    if (selection.kind !== Kind.FRAGMENT_SPREAD) eachSelection(selection.selectionSet, visit);
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
    eachSelection(definition.selectionSet, (selection) => {
      counts.selections += 1;
      counts.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD && selection.alias !== undefined) counts.aliases += 1;
    });
  }
  return counts;
}

/**
 * How deep fields nest, with fragments expanded. Every fragment is measured once; one that comes back to itself
 * counts as flat, since validation refuses it anyway.
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
 * Counts the fields that a mutation would run: one per response name, for fields of one name are merged into one.
 * Whatever `@include` and `@skip` say counts, since variables decide on them later. `__typename` runs nothing.
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

/**
 * Says why a document is refused, or `null`. Beyond the limits, an operation has at most one mutation field: it is
 * what keeps one HTTP request from issuing more than one sign-in token. Costs time linear in the document, so it
 * can be asked ahead of validation, whose comparison of fields is quadratic.
 */
export function findLimitProblem(document: DocumentNode, limits: DocumentLimits): string | null {
  const counts = countNodes(document);
  for (const noun of ["aliases", "directives", "selections", "fragments"] as const) {
    if (counts[noun] > limits[noun]) return `The document has more than ${limits[noun]} ${noun}.`;
  }
  const fragments = toFragments(document);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (measureDepth(definition, fragments) > limits.depth) {
      return `The document nests fields more than ${limits.depth} deep.`;
    }
    const isMutation = definition.operation === OperationTypeNode.MUTATION;
    if (isMutation && countRootFields(definition, fragments) > 1) {
      return "A mutation may have one field only; send one request for each.";
    }
  }
  return null;
}
