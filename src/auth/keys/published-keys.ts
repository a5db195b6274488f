import type { Clock } from "../../core/clock.js";
import { importSigningKeys, toKeyId, type Jwk, type SigningKey } from "./signing-keys.js";

/** The requested key, or the reason why it is unknown or unusable, with a suggested fix if the reason has its own. */
export type FoundKey = { key: SigningKey } | { problem: string; fix?: string };

/** How long keys stay valid while the issuer is unavailable. */
const maxAgeMs = 24 * 60 * 60_000;

type Keys = {
  byName: ReadonlyMap<string, SigningKey>;
  all: ReadonlySet<SigningKey>;
  /** Why a published key cannot be used, by its kid. */
  unusable: ReadonlyMap<string | undefined, string>;
};

const noKeys: Keys = { byName: new Map(), all: new Set(), unusable: new Map() };
const toKeyName = (kid: string, algorithm: string) => `${algorithm} ${kid}`;

async function importKeys(jwks: readonly Jwk[], algorithms: readonly string[], known: Keys): Promise<Keys> {
  const imported = await Promise.all(jwks.map((jwk) => importSigningKeys(jwk, algorithms, known.all)));
  const keys = imported.flatMap((one) => one.keys);
  return {
    byName: new Map(
      keys.flatMap((key) => (key.kid === undefined ? [] : [[toKeyName(key.kid, key.algorithm), key]])),
    ),
    all: new Set(keys),
    unusable: new Map(
      imported.flatMap(({ problem }, index) =>
        problem === null ? [] : [[toKeyId(jwks[index]?.kid), problem]],
      ),
    ),
  };
}

/** Returns why a key set verifies no token, or `null` when it has a usable key. */
function toKeySetProblem({ all, unusable }: Keys): string | null {
  if (all.size > 0) return null;
  const reasons = [...unusable]
    .map(([kid, reason]) => `${kid === undefined ? "a key without kid" : JSON.stringify(kid)} ${reason}`)
    .join(", ");
  return `the key set has no usable key${reasons === "" ? "" : `: ${reasons}`}`;
}

/** Returns the keys for an algorithm. A key that is published twice, under two names, counts once. */
function listFitting({ all }: Keys, algorithm: string): SigningKey[] {
  const fitting = [...all].filter((key) => key.algorithm === algorithm);
  return [...new Map(fitting.map((key) => [key.publicKey, key])).values()];
}

/** The keys that an issuer published at the last successful fetch. They expire a day after it. */
export function createPublishedKeys({ algorithms, now }: { algorithms: readonly string[]; now: Clock }) {
  let keys = noKeys;
  let fetchedAt: Date | null = null;
  let problem: string | null = null;

  const areUsable = () => fetchedAt !== null && now().getTime() - fetchedAt.getTime() < maxAgeMs;

  return {
    /**
     * Records a successful fetch. Keys that are no longer published are dropped.
     *
     * @returns why the key set verifies no token, or `null`. An unchanged key set still has the problem it had.
     */
    async update(fetched: readonly Jwk[] | "unchanged"): Promise<string | null> {
      if (fetched !== "unchanged") {
        keys = await importKeys(fetched, algorithms, keys);
        problem = toKeySetProblem(keys);
      }
      fetchedAt = now();
      return problem;
    },

    /**
     * Finds the key with the `kid` of a token. Where the token or the key has no `kid`, which RFC 7515 §4.1.4 and RFC 7517
     * §4.5 allow, the key must be the only one of the issuer for the algorithm: the gateway never guesses between two.
     *
     * Returns `null` when the key set has expired or may not be the newest: it has no such key.
     */
    find(kid: string | undefined, algorithm: string): FoundKey | null {
      if (!areUsable()) return null;
      const named = kid === undefined ? undefined : keys.byName.get(toKeyName(kid, algorithm));
      if (named !== undefined) return { key: named };
      if (kid !== undefined && [...keys.all].some((other) => other.kid === kid)) {
        return {
          problem: `the key cannot be used with the algorithm ${algorithm}`,
          fix: "configure the issuer to sign with the algorithm of its key",
        };
      }
      const reason = kid === undefined ? undefined : keys.unusable.get(kid);
      if (reason !== undefined) {
        return {
          problem: `the key ${reason}`,
          fix: "configure the issuer to sign the tokens of this API with another key, or correct its key set",
        };
      }
      const [only, ...others] = listFitting(keys, algorithm);
      if (only === undefined) return null;
      if (others.length > 0) {
        return kid === undefined
          ? {
              problem: `the token does not name a key (kid), and the issuer has ${others.length + 1} keys for ${algorithm}`,
              fix: "configure the issuer to write the kid of its key into the token header",
            }
          : null;
      }
      return kid === undefined || only.kid === undefined ? { key: only } : null;
    },

    has: (key: SigningKey): boolean => areUsable() && keys.all.has(key),
    areUsable,
    /** The number of keys, including expired ones. */
    size: () => keys.all.size,
    fetchedAt: () => fetchedAt,
  };
}
