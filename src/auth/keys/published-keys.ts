import type { Clock } from "../../core/clock.js";
import { importSigningKeys, type Jwk, type SigningKey } from "./signing-keys.js";

/** The requested key, or the reason why it is unknown or unusable. */
export type FoundKey = { key: SigningKey } | { problem: string };

/** How long keys stay valid while the issuer is unavailable. */
const maxAgeMs = 24 * 60 * 60_000;

type Keys = {
  byName: ReadonlyMap<string, SigningKey>;
  all: ReadonlySet<SigningKey>;
  /** Why a published key cannot be used, by its kid. */
  unusable: ReadonlyMap<string, string>;
};

const noKeys: Keys = { byName: new Map(), all: new Set(), unusable: new Map() };
const toKeyName = (kid: string, algorithm: string) => `${algorithm} ${kid}`;

async function importKeys(jwks: readonly Jwk[], algorithms: readonly string[], known: Keys): Promise<Keys> {
  const imported = await Promise.all(jwks.map((jwk) => importSigningKeys(jwk, algorithms, known.all)));
  const keys = imported.flatMap((one) => one.keys);
  return {
    byName: new Map(keys.map((key) => [toKeyName(key.kid, key.algorithm), key])),
    all: new Set(keys),
    unusable: new Map(
      imported.flatMap(({ problem }, index) =>
        problem === null ? [] : [[String(jwks[index]?.kid), problem]],
      ),
    ),
  };
}

/** Returns why a key set verifies no token, or `null` when it has a usable key. */
function toKeySetProblem({ all, unusable }: Keys): string | null {
  if (all.size > 0) return null;
  const reasons = [...unusable].map(([kid, reason]) => `${JSON.stringify(kid)} ${reason}`).join(", ");
  return `the key set has no usable key${reasons === "" ? "" : `: ${reasons}`}`;
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

    /** Returns `null` when the key set does not contain the `kid`, or has expired. */
    find(kid: string, algorithm: string): FoundKey | null {
      if (!areUsable()) return null;
      const key = keys.byName.get(toKeyName(kid, algorithm));
      if (key !== undefined) return { key };
      if ([...keys.all].some((other) => other.kid === kid)) {
        return { problem: `the key cannot be used with the algorithm ${algorithm}` };
      }
      const reason = keys.unusable.get(kid);
      return reason === undefined ? null : { problem: `the key ${reason}` };
    },

    has: (key: SigningKey): boolean => areUsable() && keys.all.has(key),
    areUsable,
    /** The number of keys, including expired ones. */
    size: () => keys.all.size,
    fetchedAt: () => fetchedAt,
  };
}
