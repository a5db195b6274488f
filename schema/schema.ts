import "reflect-metadata";
import { lexicographicSortSchema, printSchema, type GraphQLSchema } from "graphql";
import { buildSchemaSync } from "type-graphql";
import type { SignInTokens } from "../src/core/tokens/sign-in-tokens.js";
import { SignInTokenResolver } from "./sign-in-token.resolver.js";
import { ViewerResolver, type MappingLookup } from "./viewer.resolver.js";

/**
 * Builds the executable schema from the two services that it needs.
 *
 * The resolvers are constructed here, so that neither decorator metadata nor a container library is needed.
 */
export function buildGraphqlSchema(services: {
  signInTokens: SignInTokens;
  mappings: MappingLookup;
}): GraphQLSchema {
  const instances = new Map<unknown, unknown>([
    [ViewerResolver, new ViewerResolver(services.mappings)],
    [SignInTokenResolver, new SignInTokenResolver(services.signInTokens)],
  ]);
  return buildSchemaSync({
    resolvers: [ViewerResolver, SignInTokenResolver],
    container: { get: (resolver: unknown) => instances.get(resolver) },
    validate: false,
  });
}

/** Prints the schema from which apps generate code. It is sorted, so that a diff shows only real changes. */
export const printGraphqlSchema = (schema: GraphQLSchema): string =>
  `${printSchema(lexicographicSortSchema(schema))}\n`;
