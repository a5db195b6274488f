import { getOperationAST, type DocumentNode } from "graphql";
import type { Operation } from "./execution.js";

// Apps send the same few documents. Any client may send others, so the cache is bounded.
const maxDocuments = 100;
const maxLength = 2_000;

const isRecordOrAbsent = (value: unknown): value is Record<string, unknown> | null | undefined =>
  value === undefined || value === null || (typeof value === "object" && !Array.isArray(value));

const isStringOrAbsent = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === "string";

export type DocumentCache = {
  /** Adds a document that has passed every check, under its exact text. */
  add(query: string, document: DocumentNode): void;
  /**
   * Returns the requested operation, ready to run, if its document is in the cache and the other members of the request
   * are well-formed. Returns `null` otherwise: the whole request must then be checked.
   */
  find(body: unknown): Operation | null;
};

/**
 * Creates a cache of documents, so that a document with the same text need not be parsed, hashed and validated again:
 * these steps take longer than all other work for a request in this process. A full cache drops its oldest document.
 */
export function createDocumentCache(): DocumentCache {
  const documents = new Map<string, DocumentNode>();

  return {
    add(query, document) {
      if (query.length > maxLength || documents.has(query)) return;
      documents.set(query, document);
      const oldest = documents.size > maxDocuments ? documents.keys().next().value : undefined;
      if (oldest !== undefined) documents.delete(oldest);
    },

    find(body) {
      const { query, variables, operationName, extensions } = (body ?? {}) as Record<string, unknown>;
      const document = typeof query === "string" ? documents.get(query) : undefined;
      if (document === undefined || !isStringOrAbsent(operationName) || !isRecordOrAbsent(variables))
        return null;
      if (!isRecordOrAbsent(extensions) || extensions?.persistedQuery !== undefined) return null;
      const operation = getOperationAST(document, operationName) ?? null;
      if (operation === null) return null;
      return { document, operation, operationName: operationName ?? null, variables: variables ?? null };
    },
  };
}
