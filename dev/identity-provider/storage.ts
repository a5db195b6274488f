import type { AdapterFactory, AdapterPayload } from "oidc-provider";

type Entry = { payload: AdapterPayload; expiresAt: number };

/** Expired entries are deleted once there are this many. */
const entriesBeforeCleanup = 1000;

/** Stores the sessions, codes and grants of the identity provider in memory, until the process ends. */
export function createIdentityStorage(now: () => number = Date.now): AdapterFactory {
  const entries = new Map<string, Entry>();

  const deleteExpired = () => {
    for (const [key, { expiresAt }] of entries) if (expiresAt <= now()) entries.delete(key);
  };
  const read = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAt > now() ? entry.payload : undefined;
  };
  const resolved = <T>(value: T): Promise<T> => Promise.resolve(value);

  return (model) => {
    const toKey = (id: string) => `${model}:${id}`;
    const findWhere = (matches: (payload: AdapterPayload) => boolean) =>
      [...entries.keys()]
        .filter((key) => key.startsWith(`${model}:`))
        .map(read)
        .find((payload) => payload !== undefined && matches(payload));

    return {
      upsert(id, payload, expiresInSeconds) {
        if (entries.size >= entriesBeforeCleanup) deleteExpired();
        const expiresAt = expiresInSeconds === undefined ? Infinity : now() + expiresInSeconds * 1000;
        entries.set(toKey(id), { payload, expiresAt });
        return resolved(undefined);
      },
      find: (id) => resolved(read(toKey(id))),
      findByUid: (uid) => resolved(findWhere((payload) => payload.uid === uid)),
      findByUserCode: (userCode) => resolved(findWhere((payload) => payload.userCode === userCode)),
      consume(id) {
        const payload = read(toKey(id));
        if (payload !== undefined) payload.consumed = Math.floor(now() / 1000);
        return resolved(undefined);
      },
      destroy(id) {
        entries.delete(toKey(id));
        return resolved(undefined);
      },
      revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
        return resolved(undefined);
      },
    };
  };
}
