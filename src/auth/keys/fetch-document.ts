import type { FindProxy } from "../../http-client/outbound-proxies.js";
import { createAgent } from "../../http-client/pool.js";
import { sendRequest } from "../../http-client/send-request.js";

/** An issuer's response. The next request for the same document sends the `etag`. */
type FetchedDocument = { status: number; body: string; etag?: string };

export type FetchDocument = (
  url: string,
  options: { signal: AbortSignal; etag?: string },
) => Promise<FetchedDocument>;

const maxResponseBytes = 256 * 1024;
const timeoutMs = 5000;

/**
 * Creates a function that fetches small documents from issuers. It does not follow redirects, because a server that
 * redirects the request for a key set could choose the keys.
 */
export function createDocumentFetcher(findProxy?: FindProxy): {
  fetchDocument: FetchDocument;
  close(): Promise<void>;
} {
  const agent = createAgent({
    connections: 2,
    connectTimeoutMs: timeoutMs,
    keepAliveMs: 1000,
    ...(findProxy && { findProxy }),
  });
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
