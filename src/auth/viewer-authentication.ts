import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { Clock } from "../core/clock.js";
import type { Logger } from "../telemetry/logger.js";
import { createThrottledWarning } from "../telemetry/throttled-warning.js";
import { BearerError } from "./bearer-error.js";
import { readBearerToken, type RequestHeaders } from "./bearer-token.js";
import { describeAuthPolicy } from "./describe-policy.js";
import { createSharedUserIdWarning } from "./shared-user-id-warning.js";
import { createTokenExplainer, type Check } from "./tokens/explain-token.js";
import type { KeySets } from "./keys/key-sets.js";
import type { AuthPolicy } from "./policy.js";
import { createTokenCache } from "./tokens/token-cache.js";
import { createTokenScreen } from "./tokens/screen-token.js";
import { createTokenVerifier, type VerifiedToken } from "./tokens/verify-token.js";
import { createUserIdCollisions } from "./tokens/user-id-collisions.js";

/** The authenticated caller. */
type Viewer = Readonly<{ appUserId: AppUserId }>;

type ViewerAuthentication = {
  /**
   * Authenticates a request once, when it starts. The request continues if the token expires while it runs.
   *
   * With `isSuspect`, every check that needs no signature comes first, so that most invalid tokens cost no signature
   * check. The result is the same; only the reason in the log can differ.
   *
   * @throws ServiceError `UNAUTHENTICATED` (401), `FORBIDDEN` (scope, 403), `AUTH_UNAVAILABLE` (503).
   */
  authenticate(headers: RequestHeaders, options?: { isSuspect?: boolean }): Promise<Viewer>;
  /** Runs every check on one token and returns the results for an operator. */
  explain(token: string): Promise<Check[]>;
  /** Logs which tokens are accepted and starts fetching keys. Returns immediately. */
  start(): void;
  close(): Promise<void>;
};

type ViewerAuthenticationOptions = {
  policy: AuthPolicy;
  keySets: KeySets;
  now: Clock;
  log: Logger;
  /** How many verified tokens are cached; 10,000 by default, 0 turns the cache off. */
  maxCachedTokens?: number;
  /** Counts an app user id that several people seem to share, by the claim that differs. */
  countSharedUserId?: (claim: string) => void;
};

/**
 * Creates the service that authenticates viewers by access tokens of the configured issuers. For a token that was
 * verified within the last minute, this costs one SHA-256 and one map lookup.
 */
export function createViewerAuthentication(options: ViewerAuthenticationOptions): ViewerAuthentication {
  const {
    policy,
    keySets,
    now,
    log,
    maxCachedTokens = 10_000,
    countSharedUserId = () => undefined,
  } = options;
  const reportSharedUserId = createSharedUserIdWarning({ log, now, count: countSharedUserId });
  const collisions = createUserIdCollisions({ now, report: reportSharedUserId });
  const verify = createTokenVerifier({ policy, keySets, now, onVerified: collisions.observe });
  const screen = createTokenScreen({ policy, now });
  const cache = createTokenCache({ maxTokens: maxCachedTokens, now });

  const warnOfPlaceholder = createThrottledWarning({
    log,
    now,
    phrase: "an app sends a text that is not a token",
  });

  const verifyAndCache = async (compact: string, key: string): Promise<VerifiedToken> => {
    const token = await verify(compact);
    cache.add(key, token);
    return token;
  };

  return {
    async authenticate(headers, { isSuspect = false } = {}) {
      try {
        const compact = readBearerToken(headers);
        const key = cache.toKey(compact);
        const cached = cache.find(key);
        if (cached === null && isSuspect) screen(compact);
        const { appUserId } = cached ?? (await verifyAndCache(compact, key));
        return { appUserId };
      } catch (error) {
        if (error instanceof BearerError && error.isPlaceholder) warnOfPlaceholder(new Error(error.reason));
        throw error;
      }
    },

    explain: createTokenExplainer({ policy, keySets, now }),

    start() {
      log.info({ policy: describeAuthPolicy(policy) }, "access tokens accepted");
      for (const warning of policy.warnings) log.warn({ warning }, "risky access token setting");
      keySets.start();
    },

    close: () => keySets.close(),
  };
}
