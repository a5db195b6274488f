import "reflect-metadata";
import { lexicographicSortSchema, printSchema, type GraphQLSchema } from "graphql";
import { buildSchemaSync } from "type-graphql";
import type { SignInTokens } from "../src/core/tokens/sign-in-tokens.js";
import { SignInTokenResolver } from "./sign-in-token.resolver.js";
import { ViewerResolver, type MappingLookup } from "./viewer.resolver.js";

/**
 * Builds the executable schema over the two services that it needs.
 *
 * The resolvers are made here by hand, so neither decorator metadata nor a container library is needed.
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

/** The schema as apps generate code from it: sorted, so that a difference is a change. */
export const printGraphqlSchema = (schema: GraphQLSchema): string =>
  `${printSchema(lexicographicSortSchema(schema))}\n`;
