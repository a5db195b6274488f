import { formatDeployment, type Deployment, type TeamRecord } from "./deployment.js";
import type { VitalApi, VitalUser } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

export type TeamStore = {
  /** Stores the place if there is no record yet, and gives what is stored. */
  remember(deployment: Deployment): Promise<TeamRecord>;
  /** Stores the team id if there is none yet, and gives what is stored. */
  rememberTeamId(teamId: string): Promise<TeamRecord>;
  /** Whether any mapping is active: then an empty team is a suspicious one. */
  hasActiveMapping(): Promise<boolean>;
};

/** The mappings belong to another environment or region than the API key: nothing here can go right. */
export class WrongDeploymentError extends Error {
  override readonly name = "WrongDeploymentError";
}

/**
 * Keeps a key of another team from creating everybody again, and from taking "not found" there for "deleted".
 *
 * Vital's answers about users carry a team id. The first one ever seen is remembered with the mappings; a process acts
 * on the absence of a user only after it has seen an answer of that team itself.
 */
export function createTeamGuard({
  deployment,
  teams,
  vital,
  onWrongTeam,
}: {
  deployment: Deployment;
  teams: TeamStore;
  vital: Pick<VitalApi, "findAnyUser">;
  onWrongTeam: (error: VitalError) => void;
}) {
  let verified = false;
  let wrong: VitalError | null = null;
  let creating: Promise<unknown> | null = null;

  function fail(message: string): never {
    wrong = new VitalError("wrong_team", message);
    onWrongTeam(wrong);
    throw wrong;
  }

  /**
   * Compares the place of the mappings with that of the key.
   * @throws WrongPlaceError when they differ
   */
  async function assertDeployment(): Promise<void> {
    const stored = await teams.remember(deployment);
    if (stored.environment !== deployment.environment || stored.region !== deployment.region) {
      throw new WrongDeploymentError(
        `VITAL_API_KEY belongs to ${formatDeployment(deployment)}, the mappings in MongoDB to ${formatDeployment(stored)}. ` +
          "Use a key of that environment and region, or another database.",
      );
    }
  }

  /** Checks one answer of Vital against the remembered team; throws `wrong_team` from the first mismatch on. */
  async function observe(user: VitalUser): Promise<void> {
    if (wrong !== null) throw wrong;
    if (verified || user.teamId === null) return;
    const { teamId } = await teams.rememberTeamId(user.teamId);
    if (teamId !== user.teamId) {
      fail(`VITAL_API_KEY belongs to team ${user.teamId}, the mappings to team ${String(teamId)}`);
    }
    verified = true;
  }

  /**
   * Makes sure that this process talks to the team of the mappings, by looking at any one user of the team.
   * Gives whether that is proved. A team without users proves nothing, unless no mapping says that it has some.
   */
  async function verify(): Promise<boolean> {
    if (wrong !== null) throw wrong;
    if (verified) return true;
    const user = await vital.findAnyUser();
    if (user === null) return !(await teams.hasActiveMapping());
    await observe(user);
    return true;
  }

  /**
   * Runs a create. Until an answer has proved the team, creates go one by one, after a look at the team: a wrong
   * key makes at most one user in the wrong place, and none at all where that team has users.
   */
  async function create(call: () => Promise<VitalUser>): Promise<VitalUser> {
    if (wrong !== null) throw wrong;
    while (!verified && creating !== null) await creating.catch(() => undefined);
    if (verified) return call();
    const first = createFirst(call).finally(() => (creating = null));
    creating = first;
    return first;
  }

  async function createFirst(call: () => Promise<VitalUser>): Promise<VitalUser> {
    await verify();
    const user = await call();
    await observe(user);
    return user;
  }

  return { assertDeployment, observe, verify, create };
}

export type TeamGuard = ReturnType<typeof createTeamGuard>;
