import { createAgent } from "../../http-client/pool.js";
import { sendRequest } from "../../http-client/send-request.js";

/** An issuer's response: its status, its body, and the tag to send with the next request for the same document. */
type FetchedDocument = { status: number; body: string; etag?: string };

export type FetchDocument = (
  url: string,
  options: { signal: AbortSignal; etag?: string },
) => Promise<FetchedDocument>;

const maxResponseBytes = 256 * 1024;
const timeoutMs = 5000;

/**
 * Opens connections to the issuers for small documents. Redirects are not followed: a server that can redirect the
 * request for a key set could choose the keys.
 */
export function createDocumentFetcher(): { fetchDocument: FetchDocument; close(): Promise<void> } {
  const agent = createAgent({ connections: 2, connectTimeoutMs: timeoutMs, keepAliveMs: 1000 });
  return {
    async fetchDocument(url, { signal, etag }) {
      const { origin, pathname, search } = new URL(url);
      const headers = { accept: "application/json", ...(etag !== undefined && { "if-none-match": etag }) };
      const response = await sendRequest(
        agent,
        { method: "GET", origin, path: pathname + search, headers },
        { timeoutMs, maxResponseBytes, signal },
      );
      const tag = response.headers.etag;
      return { status: response.status, body: response.text, ...(typeof tag === "string" && { etag: tag }) };
    },
    close: () => agent.destroy(),
  };
}
