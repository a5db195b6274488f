import { hash } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { VerifiedToken } from "./verify-token.js";

/** The longest time before a cached token is verified again. */
const maxAgeMs = 60_000;

/**
 * Caches verified tokens by their SHA-256, so that no token stays in memory. An entry is valid for a minute, but never
 * longer than the token or its key. The cache is bounded and evicts the least recently used entry. Rejected tokens are
 * not cached, because any caller could fill the cache with them.
 */
export function createTokenCache({ maxTokens, now }: { maxTokens: number; now: Clock }) {
  const nowMs = () => now().getTime();
  const entries = new Map<string, { token: VerifiedToken; untilMs: number }>();
  return {
    toKey: (compact: string): string => hash("sha256", compact, "base64"),

    find(key: string): VerifiedToken | null {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      entries.delete(key);
      if (nowMs() >= entry.untilMs || !entry.token.keySet.isCurrent(entry.token.key)) return null;
      // A map keeps insertion order: an entry that is inserted again becomes the most recent one.
      entries.set(key, entry);
      return entry.token;
    },

    add(key: string, token: VerifiedToken): void {
      if (maxTokens <= 0) return;
      entries.delete(key);
      entries.set(key, { token, untilMs: Math.min(token.validUntilMs, nowMs() + maxAgeMs) });
      const oldest = entries.size > maxTokens ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
    },

    size: () => entries.size,
  };
}
