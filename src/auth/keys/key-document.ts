import { isSafeTransport, parseHttpUrl } from "../http-url.js";
import type { Clock } from "../../core/clock.js";
import type { FetchDocument } from "./fetch-document.js";
import type { KeySource } from "../policy.js";
import type { Jwk } from "./signing-keys.js";

const rediscoverAfterMs = 60 * 60_000;
const maxKeys = 200;

function parseObject(body: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Error(`${name} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${name} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

export type KeyDocumentOptions = {
  issuer: string;
  source: Extract<KeySource, { url: string }>;
  allowHttp: boolean;
  now: Clock;
  fetchDocument: FetchDocument;
};

/**
 * Fetches the key set of one issuer, from a fixed URL or from the URL in its discovery document. The discovery document
 * is read again every hour and after each failure. Its `issuer` must be the configured one, byte for byte (OpenID
 * Connect Discovery 1.0 §4.3). Otherwise the document of another tenant could be used.
 *
 * `load` returns the JWKs, or `unchanged`. It throws an Error whose message states the problem for the log.
 */
export function createKeyDocument({ issuer, source, allowHttp, now, fetchDocument }: KeyDocumentOptions) {
  let located: { url: string; atMs: number } | null = null;
  let etag: string | undefined;

  const locate = async (signal: AbortSignal): Promise<string> => {
    if (source.from === "jwks") return source.url;
    if (located !== null && Math.abs(now().getTime() - located.atMs) < rediscoverAfterMs) return located.url;
    const { status, body } = await fetchDocument(source.url, { signal });
    if (status !== 200) throw new Error(`the request for the discovery document returned status ${status}`);
    const document = parseObject(body, "the discovery document");
    if (document.issuer !== issuer) {
      const found = JSON.stringify(document.issuer ?? null).slice(0, 200);
      throw new Error(`the discovery document names the issuer ${found}, not ${JSON.stringify(issuer)}`);
    }
    const url = typeof document.jwks_uri === "string" ? parseHttpUrl(document.jwks_uri) : null;
    if (url === null || !isSafeTransport(url, allowHttp)) {
      throw new Error("the discovery document has no https URL for the keys (jwks_uri)");
    }
    if (located?.url !== url.href) etag = undefined;
    located = { url: url.href, atMs: now().getTime() };
    return url.href;
  };

  const fetchKeys = async (signal: AbortSignal): Promise<readonly Jwk[] | "unchanged"> => {
    const url = await locate(signal);
    const response = await fetchDocument(url, { signal, ...(etag !== undefined && { etag }) });
    if (response.status === 304 && etag !== undefined) return "unchanged";
    if (response.status !== 200)
      throw new Error(`the request for the key set returned status ${response.status}`);
    const { keys } = parseObject(response.body, "the key set");
    if (!Array.isArray(keys)) throw new Error("the key set has no array of keys");
    // If the excess keys were dropped, their tokens would be rejected as if the keys were not published.
    if (keys.length > maxKeys) throw new Error(`the key set has more than ${maxKeys} keys`);
    // The caller does not use these keys after a timeout, so the next request must not send their ETag.
    signal.throwIfAborted();
    etag = response.etag;
    return keys.filter((key): key is Jwk => typeof key === "object" && key !== null && !Array.isArray(key));
  };

  return {
    async load(signal: AbortSignal): Promise<readonly Jwk[] | "unchanged"> {
      try {
        return await fetchKeys(signal);
      } catch (error) {
        located = null;
        throw error;
      }
    },
  };
}
