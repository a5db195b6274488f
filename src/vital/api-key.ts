import type { Deployment } from "../core/vital/deployment.js";

type KeyPrefix = { deployment: Deployment; apiUrl: string };

/**
 * The prefixes of team API keys. `sk_` means sandbox and `pk_` means production, unlike the "secret" and
 * "publishable" keys of other vendors. Source: Vital's documentation of keys and regions.
 */
const prefixes: Record<string, KeyPrefix> = {
  sk_us_: {
    deployment: { environment: "sandbox", region: "us" },
    apiUrl: "https://api.sandbox.us.junction.com",
  },
  sk_eu_: {
    deployment: { environment: "sandbox", region: "eu" },
    apiUrl: "https://api.sandbox.eu.junction.com",
  },
  pk_us_: { deployment: { environment: "production", region: "us" }, apiUrl: "https://api.us.junction.com" },
  pk_eu_: { deployment: { environment: "production", region: "eu" }, apiUrl: "https://api.eu.junction.com" },
};

export const apiKeyHint = `a team API key, which starts with one of ${Object.keys(prefixes).join(", ")}`;

/** Returns the environment, region and API URL of a team API key, or `null` when its format is unknown. */
export function parseApiKey(apiKey: string): KeyPrefix | null {
  // The key is sent in an HTTP header: a character that is not visible ASCII would make every call fail.
  if (!/^[\x21-\x7e]{8,512}$/.test(apiKey)) return null;
  return prefixes[apiKey.slice(0, 6)] ?? null;
}
