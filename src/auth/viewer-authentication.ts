import type { AppUserId } from "../core/mapping/app-user-id.js";
import type { Clock } from "../core/clock.js";
import type { Logger } from "../telemetry/logger.js";
import { readBearerToken, type RequestHeaders } from "./bearer-token.js";
import { describeAuthPolicy } from "./describe-policy.js";
import { createTokenExplainer, type Check } from "./tokens/explain-token.js";
import type { KeySets } from "./keys/key-sets.js";
import type { AuthPolicy } from "./policy.js";
import { createTokenCache } from "./tokens/token-cache.js";
import { createTokenVerifier, type VerifiedToken } from "./tokens/verify-token.js";

/** The authenticated caller. */
export type Viewer = Readonly<{ appUserId: AppUserId }>;

type ViewerAuthentication = {
  /**
   * Says who sends a request. Does so once, at its start: a token that ends while the request runs does not fail it.
   *
   * @throws ServiceError `UNAUTHENTICATED` (401), `FORBIDDEN` (scope, 403), `AUTH_UNAVAILABLE` (503).
   */
  authenticate(headers: RequestHeaders): Promise<Viewer>;
  /** Runs every check on one token, for the operator. */
  explain(token: string): Promise<Check[]>;
  /** Begins to fetch keys and logs what is accepted; waits for nothing. */
  start(): void;
  close(): Promise<void>;
};

type ViewerAuthenticationOptions = {
  policy: AuthPolicy;
  keySets: KeySets;
  now: Clock;
  log: Logger;
  /** How many verified tokens are remembered. */
  maxCachedTokens?: number;
};

/**
 * Makes the authentication of viewers by the access tokens of the team's own issuer. A token met within the last
 * minute costs one SHA-256 and a look into a map.
 */
export function createViewerAuthentication(options: ViewerAuthenticationOptions): ViewerAuthentication {
  const { policy, keySets, now, log, maxCachedTokens = 10_000 } = options;
  const verify = createTokenVerifier({ policy, keySets, now });
  const cache = createTokenCache({ maxTokens: maxCachedTokens, now });

  const verifyAndRemember = async (compact: string, key: string): Promise<VerifiedToken> => {
    const token = await verify(compact);
    cache.add(key, token);
    return token;
  };

  return {
    async authenticate(headers) {
      const compact = readBearerToken(headers);
      const key = cache.toKey(compact);
      const { appUserId } = cache.find(key) ?? (await verifyAndRemember(compact, key));
      return { appUserId };
    },

    explain: createTokenExplainer({ policy, keySets, now }),

    start() {
      log.info({ policy: describeAuthPolicy(policy) }, "access tokens accepted");
      for (const warning of policy.warnings) log.warn({ warning }, "access token setting is risky");
      keySets.start();
    },

    close: () => keySets.close(),
  };
}
