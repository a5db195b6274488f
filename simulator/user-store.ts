import { randomUUID } from "node:crypto";

/** A value that was set through the API, with the time (epoch milliseconds) of its last change. */
export type ManualValue = { value: string; updatedAt: number };

export type UserAttributes = {
  fallbackTimeZone: ManualValue | null;
  fallbackBirthDate: ManualValue | null;
  ingestionStart: string | null;
  ingestionEnd: string | null;
};

/** Times are epoch milliseconds. `deletedAt` is null while the user is not deleted. */
export type User = {
  readonly vitalUserId: string;
  readonly teamId: string;
  clientUserId: string;
  readonly createdAt: number;
  deletedAt: number | null;
  attributes: UserAttributes;
  /** When each provider was connected, by slug. */
  readonly connections: Map<string, number>;
};

/** Vital's docs: seven days after the deletion, the data is erased and the deletion can no longer be undone. */
const graceMs = 7 * 24 * 3_600_000;

type Team = { byClientUserId: Map<string, User>; oldestFirst: User[] };

/**
 * The users of all teams, in memory. Every method is synchronous, so one call is one atomic step. Lookups use only
 * maps: an id such as `__proto__` is an ordinary id.
 */
export function createUserStore({ now }: { now: () => number }) {
  const byVitalUserId = new Map<string, User>();
  const teams = new Map<string, Team>();

  const getTeam = (teamId: string): Team => {
    const known = teams.get(teamId);
    if (known !== undefined) return known;
    const team: Team = { byClientUserId: new Map(), oldestFirst: [] };
    teams.set(teamId, team);
    return team;
  };
  const isErased = (user: User) => user.deletedAt !== null && user.deletedAt + graceMs <= now();

  return {
    /** Creates a user if the client user id is free; otherwise returns the user who has it, with `isNew` false. */
    create(teamId: string, clientUserId: string, attributes: UserAttributes): { user: User; isNew: boolean } {
      const team = getTeam(teamId);
      const existing = team.byClientUserId.get(clientUserId);
      if (existing !== undefined) return { user: existing, isNew: false };
      const user: User = {
        vitalUserId: randomUUID(),
        teamId,
        clientUserId,
        createdAt: now(),
        deletedAt: null,
        attributes,
        connections: new Map(),
      };
      byVitalUserId.set(user.vitalUserId, user);
      team.byClientUserId.set(clientUserId, user);
      team.oldestFirst.push(user);
      return { user, isNew: true };
    },

    /** Finds a user of the team; a deleted one only until the grace period ends. */
    find(teamId: string, vitalUserId: string): User | null {
      const user = byVitalUserId.get(vitalUserId);
      return user?.teamId !== teamId || isErased(user) ? null : user;
    },

    /** Finds a user of any team who is not deleted. */
    findActive(vitalUserId: string): User | null {
      const user = byVitalUserId.get(vitalUserId);
      return user?.deletedAt === null ? user : null;
    },

    findByClientUserId: (teamId: string, clientUserId: string): User | null =>
      getTeam(teamId).byClientUserId.get(clientUserId) ?? null,

    /** Finds the last deleted user with this client user id, while the deletion can be undone. */
    findLastDeleted(teamId: string, clientUserId: string): User | null {
      const deleted = getTeam(teamId).oldestFirst.filter(
        (user) => user.clientUserId === clientUserId && user.deletedAt !== null && !isErased(user),
      );
      return deleted.at(-1) ?? null;
    },

    /** Returns false when another user has the id. */
    rename(user: User, clientUserId: string): boolean {
      const { byClientUserId } = getTeam(user.teamId);
      if ((byClientUserId.get(clientUserId) ?? user) !== user) return false;
      byClientUserId.delete(user.clientUserId);
      byClientUserId.set(clientUserId, user);
      user.clientUserId = clientUserId;
      return true;
    },

    /** Deletes the user. The client user id is free immediately. Connections end, and no undo brings them back (Vital's docs). */
    remove(user: User): void {
      user.deletedAt = now();
      user.connections.clear();
      getTeam(user.teamId).byClientUserId.delete(user.clientUserId);
    },

    /** Undoes a deletion. Returns false when a newer user has the client user id. */
    restore(user: User): boolean {
      const { byClientUserId } = getTeam(user.teamId);
      if (byClientUserId.has(user.clientUserId)) return false;
      byClientUserId.set(user.clientUserId, user);
      user.deletedAt = null;
      return true;
    },

    countActive: (teamId: string): number => getTeam(teamId).byClientUserId.size,

    countConnections: (teamId: string): number =>
      getTeam(teamId).oldestFirst.reduce((count, { connections }) => count + connections.size, 0),

    /** Lists active users, newest first. */
    list(teamId: string, { offset, limit }: { offset: number; limit: number }): User[] {
      const { oldestFirst, byClientUserId } = getTeam(teamId);
      const page: User[] = [];
      if (offset >= byClientUserId.size) return page;
      let skipped = 0;
      for (let index = oldestFirst.length - 1; index >= 0 && page.length < limit; index -= 1) {
        const user = oldestFirst[index];
        if (user?.deletedAt !== null) continue;
        if (skipped < offset) skipped += 1;
        else page.push(user);
      }
      return page;
    },

    /** Lists all users ever created, in order of creation. */
    listAll: (): User[] => [...byVitalUserId.values()],

    clear(): void {
      byVitalUserId.clear();
      teams.clear();
    },
  };
}
export type UserStore = ReturnType<typeof createUserStore>;
