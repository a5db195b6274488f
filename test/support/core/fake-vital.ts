import type { VitalUserId } from "../../../src/core/mapping/app-user-id.js";
import type { VitalApi } from "../../../src/core/vital/vital-api.js";
import { VitalError } from "../../../src/core/vital/vital-error.js";

export type VitalOperation = keyof VitalApi;

/** The network between a caller and Vital. It decides whether and when a call commits, and what the caller receives. */
export type Network = <T>(operation: VitalOperation, commit: () => T) => Promise<T>;

export type FakeUser = { vitalUserId: VitalUserId; clientUserId: string; isDeleted: boolean };

/** One DELETE that Vital received. `wasLive` is true when it deleted a user. */
type DeleteCall = { vitalUserId: VitalUserId; clientUserId: string | undefined; wasLive: boolean };

const teamId = "a0000000-0000-4000-8000-000000000000";

const direct: Network = (_operation, commit) =>
  new Promise((resolve) => {
    resolve(commit());
  });

/**
 * One Vital team in memory, with the guarantees of the real Vital: a client user id is unique among users that are not
 * deleted, a lookup by path finds no id with a slash, a second create names the existing user without its team, a deletion frees the client user id, and no token
 * is issued for a deleted user. Ids count up from `firstId`, so that two teams have no id in common.
 */
export function createFakeVital({
  network = direct,
  team = teamId,
  firstId = 1,
  onDeleted = () => undefined,
}: {
  network?: Network;
  team?: string;
  firstId?: number;
  /** Called when a user is deleted through the API. */
  onDeleted?: (user: FakeUser) => void;
} = {}) {
  const ledger: FakeUser[] = [];
  const deletes: DeleteCall[] = [];
  const calls: VitalOperation[] = [];
  const isLive = (user: FakeUser) => !user.isDeleted;
  const findLive = (clientUserId: string) =>
    ledger.find((user) => user.clientUserId === clientUserId && isLive(user));

  function addUser(clientUserId: string): FakeUser {
    const number = String(firstId + ledger.length).padStart(12, "0");
    const vitalUserId = `00000000-0000-4000-8000-${number}` as VitalUserId;
    const user = { vitalUserId, clientUserId, isDeleted: false };
    ledger.push(user);
    return user;
  }

  function deleteUser(vitalUserId: VitalUserId): void {
    const user = ledger.find((candidate) => candidate.vitalUserId === vitalUserId);
    const wasLive = user !== undefined && isLive(user);
    deletes.push({ vitalUserId, clientUserId: user?.clientUserId, wasLive });
    if (!wasLive) return;
    user.isDeleted = true;
    onDeleted(user);
  }

  function issueToken(vitalUserId: VitalUserId): string {
    if (ledger.some((user) => user.vitalUserId === vitalUserId && isLive(user)))
      return `token-${vitalUserId}`;
    throw new VitalError("not_found", "sign-in-token: 404", { status: 404 });
  }

  /** Returns the team's API through a network. */
  const connect = (through: Network): VitalApi => {
    const send: Network = (operation, commit) => {
      calls.push(operation);
      return through(operation, commit);
    };
    return toApi(send);
  };

  const toApi = (send: Network): VitalApi => ({
    createUser: (clientUserId) =>
      send("createUser", () => {
        const existing = findLive(clientUserId);
        if (existing !== undefined) return { vitalUserId: existing.vitalUserId, teamId: null, isNew: false };
        return { vitalUserId: addUser(clientUserId).vitalUserId, teamId: team, isNew: true };
      }),
    findUser: (clientUserId) =>
      send("findUser", () => {
        if (clientUserId.includes("/")) throw new VitalError("unavailable", "resolve-user: 404 Not Found");
        const user = findLive(clientUserId);
        return user === undefined ? null : { vitalUserId: user.vitalUserId, teamId: team };
      }),
    findAnyUser: () =>
      send("findAnyUser", () => {
        const user = ledger.findLast(isLive);
        return user === undefined ? null : { vitalUserId: user.vitalUserId, teamId: team };
      }),
    deleteUser: (vitalUserId) =>
      send("deleteUser", () => {
        deleteUser(vitalUserId);
      }),
    createSignInToken: (vitalUserId) => send("createSignInToken", () => issueToken(vitalUserId)),
  });

  return {
    connect,
    api: connect(network),
    /** Every user ever created, in order. */
    ledger: ledger as readonly FakeUser[],
    /** Every DELETE that Vital has received, in order. */
    deletes: deletes as readonly DeleteCall[],
    calls: calls as readonly VitalOperation[],
    live: (clientUserId: string) =>
      ledger.filter((user) => user.clientUserId === clientUserId && isLive(user)),
    addUser,
    /** Deletes the user in Vital's dashboard, not through the API. */
    deleteInDashboard(clientUserId: string): void {
      const user = findLive(clientUserId);
      if (user !== undefined) user.isDeleted = true;
    },
  };
}
