import { getOperationAST, type DocumentNode } from "graphql";
import type { Operation } from "./execution.js";

// Apps send the same few documents; anybody may send others, so what is remembered is bounded.
const maxDocuments = 100;
const maxLength = 2_000;

const isRecordOrNone = (value: unknown): value is Record<string, unknown> | null | undefined =>
  value === undefined || value === null || (typeof value === "object" && !Array.isArray(value));

const isTextOrNone = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === "string";

export type KnownDocuments = {
  /** Remembers a document that has passed every check, by its very text. */
  add(query: string, document: DocumentNode): void;
  /**
   * Gives what a request asks for, ready to be run, when its document is known and nothing else about the request
   * could be refused; else `null`: then all of it has to be looked at.
   */
  find(body: unknown): Operation | null;
};

/**
 * Remembers documents so that the next request with the same text need not be parsed, hashed and validated: that
 * takes longer than the rest of what is done for it here. The oldest makes room.
 */
export function createKnownDocuments(): KnownDocuments {
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
      if (document === undefined || !isTextOrNone(operationName) || !isRecordOrNone(variables)) return null;
      if (!isRecordOrNone(extensions) || extensions?.persistedQuery !== undefined) return null;
      const operation = getOperationAST(document, operationName) ?? null;
      if (operation === null) return null;
      return { document, operation, operationName: operationName ?? null, variables: variables ?? null };
    },
  };
}
