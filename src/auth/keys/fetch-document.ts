import { Agent, request } from "undici";

/** What an issuer answered: its status, the body when there is a new one, and a tag to ask with the next time. */
export type FetchedDocument = { status: number; body: string; etag?: string };

export type FetchDocument = (
  url: string,
  options: { signal: AbortSignal; etag?: string },
) => Promise<FetchedDocument>;

const maxBytes = 256 * 1024;
const timeoutMs = 5000;

/**
 * Opens the way to the issuers: small documents (256 KiB at most) over few connections. Redirects are not followed:
 * whoever can redirect a key set could choose the keys.
 */
export function createDocumentFetcher(): { fetchDocument: FetchDocument; close(): Promise<void> } {
  const agent = new Agent({
    connections: 2,
    maxResponseSize: maxBytes,
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 1000,
  });
  return {
    async fetchDocument(url, { signal, etag }) {
      const response = await request(url, {
        dispatcher: agent,
        signal,
        headers: { accept: "application/json", ...(etag !== undefined && { "if-none-match": etag }) },
      });
      const tag = response.headers.etag;
      return {
        status: response.statusCode,
        body: await response.body.text(),
        ...(typeof tag === "string" && { etag: tag }),
      };
    },
    close: () => agent.destroy(),
  };
}
