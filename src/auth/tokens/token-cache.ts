import { hash } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { VerifiedToken } from "./verify-token.js";

/** A verified token is trusted so long before it is verified again, at most. */
const maxAgeMs = 60_000;

/**
 * Remembers tokens that were found good, by their SHA-256 so that no token stays in memory: at most a minute, never
 * beyond the token's own end, never beyond its key, and a bounded number (the longest unused goes first). Refusals
 * are not remembered: strangers would choose what is.
 */
export function createTokenCache({ maxTokens, now }: { maxTokens: number; now: Clock }) {
  const nowMs = () => now().getTime();
  const entries = new Map<string, { token: VerifiedToken; until: number }>();
  return {
    toKey: (compact: string): string => hash("sha256", compact, "base64"),

    find(key: string): VerifiedToken | null {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      entries.delete(key);
      if (nowMs() >= entry.until || !entry.token.keySet.isCurrent(entry.token.key)) return null;
      // A map keeps the order of insertion: what is put in again is the youngest.
      entries.set(key, entry);
      return entry.token;
    },

    add(key: string, token: VerifiedToken): void {
      if (maxTokens <= 0) return;
      entries.delete(key);
      entries.set(key, { token, until: Math.min(token.validUntil, nowMs() + maxAgeMs) });
      const oldest = entries.size > maxTokens ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
    },

    size: () => entries.size,
  };
}
