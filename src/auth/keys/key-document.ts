import { isSafeTransport, parseHttpUrl } from "../http-url.js";
import type { Clock } from "../../core/clock.js";
import type { FetchDocument } from "./fetch-document.js";
import type { KeySource } from "../policy.js";
import type { Jwk } from "./signing-keys.js";

const rediscoverAfterMs = 60 * 60_000;
const maxKeys = 200;

/** A document that cannot be fetched or used, with a suggested fix for an operator. */
export class KeyDocumentError extends Error {
  constructor(
    reason: string,
    readonly fix: string,
  ) {
    super(reason);
  }
}

type DocumentKind = { name: string; fix: string };

/** Parses a document that was fetched with status 200. */
function parseDocument(
  { status, body }: { status: number; body: string },
  { name, fix }: DocumentKind,
): Record<string, unknown> {
  if (status !== 200) throw new KeyDocumentError(`the request for ${name} returned status ${status}`, fix);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new KeyDocumentError(`${name} is not JSON`, fix);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new KeyDocumentError(`${name} is not a JSON object`, fix);
  }
  return value as Record<string, unknown>;
}

const toDiscoveryDocument = (url: string): DocumentKind => ({
  name: "the discovery document",
  fix: `check AUTH_ISSUER, whose discovery document must be at ${url}; if the issuer has none, set AUTH_JWKS_URL`,
});

/** The suggested fix when a document cannot be fetched. */
function toFetchFix(issuer: string, url: string): string {
  const isOfIssuer = new URL(url).host === parseHttpUrl(issuer)?.host;
  return isOfIssuer
    ? `check AUTH_ISSUER, and that this machine can fetch ${url}`
    : `check that this machine can fetch ${url}; to use another URL for the keys, set AUTH_JWKS_URL`;
}

const toKeySetDocument = (url: string): DocumentKind => ({
  name: "the key set",
  fix: `check that ${url} is the key set of the issuer; to use another URL, set AUTH_JWKS_URL`,
});

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
 * `load` returns the JWKs, or `unchanged`. It throws a {@link KeyDocumentError} whose message states the problem for the
 * log. `fetchFix` is the suggested fix if the current request gets no response.
 */
export function createKeyDocument({ issuer, source, allowHttp, now, fetchDocument }: KeyDocumentOptions) {
  let located: { url: string; atMs: number } | null = null;
  let etag: string | undefined;
  let requestedUrl = source.url;

  const request: FetchDocument = (url, requestOptions) => {
    requestedUrl = url;
    return fetchDocument(url, requestOptions);
  };
  const fetchFix = () => toFetchFix(issuer, requestedUrl);

  const locate = async (signal: AbortSignal): Promise<string> => {
    if (source.from === "jwks") return source.url;
    if (located !== null && Math.abs(now().getTime() - located.atMs) < rediscoverAfterMs) return located.url;
    const response = await request(source.url, { signal });
    const document = parseDocument(response, toDiscoveryDocument(source.url));
    if (document.issuer !== issuer) {
      const found = JSON.stringify(document.issuer ?? null).slice(0, 200);
      throw new KeyDocumentError(
        `the discovery document names the issuer ${found}, not ${JSON.stringify(issuer)}`,
        "if your tokens have the issuer that the document names, set AUTH_ISSUER to exactly that value; otherwise set AUTH_JWKS_URL to the URL of the keys",
      );
    }
    const url = typeof document.jwks_uri === "string" ? parseHttpUrl(document.jwks_uri) : null;
    if (url === null || !isSafeTransport(url, allowHttp)) {
      throw new KeyDocumentError(
        "the discovery document has no https URL for the keys (jwks_uri)",
        "set AUTH_JWKS_URL to the https URL of the keys",
      );
    }
    if (located?.url !== url.href) etag = undefined;
    located = { url: url.href, atMs: now().getTime() };
    return url.href;
  };

  const fetchKeys = async (signal: AbortSignal): Promise<readonly Jwk[] | "unchanged"> => {
    const url = await locate(signal);
    const response = await request(url, { signal, ...(etag !== undefined && { etag }) });
    if (response.status === 304 && etag !== undefined) return "unchanged";
    const kind = toKeySetDocument(url);
    const { keys } = parseDocument(response, kind);
    if (!Array.isArray(keys)) throw new KeyDocumentError("the key set has no array of keys", kind.fix);
    // If the excess keys were dropped, their tokens would be rejected as if the keys were not published.
    if (keys.length > maxKeys) {
      throw new KeyDocumentError(
        `the key set has more than ${maxKeys} keys`,
        "remove keys that sign no tokens from the key set of the issuer",
      );
    }
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
        if (error instanceof KeyDocumentError) throw error;
        throw new KeyDocumentError((error as Error).message, fetchFix());
      }
    },
    fetchFix,
  };
}
