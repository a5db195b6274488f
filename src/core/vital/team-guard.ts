import type { Clock } from "../clock.js";
import { formatDeployment, type Deployment, type TeamRecord } from "./deployment.js";
import type { VitalApi, VitalUser } from "./vital-api.js";
import { VitalError } from "./vital-error.js";

/** How often a process whose key belongs to another team reads the record again. An operator may have corrected it. */
const recheckMs = 10_000;

export type TeamStore = {
  find(): Promise<TeamRecord | null>;
  /** Stores the deployment if there is no record yet, and returns the stored record. */
  remember(deployment: Deployment): Promise<TeamRecord>;
  /** Stores the team id if there is none yet, and returns the stored record. */
  rememberTeamId(teamId: string): Promise<TeamRecord>;
  /** Whether any mapping is active. If so, the team must have users. */
  hasActiveMapping(): Promise<boolean>;
};

/** The mappings belong to another environment or region than the API key: the process must not continue. */
export class WrongDeploymentError extends Error {
  override readonly name = "WrongDeploymentError";

  constructor(
    readonly keyDeployment: Deployment,
    readonly mappingsDeployment: Deployment,
  ) {
    super(
      `the API key belongs to ${formatDeployment(keyDeployment)}, but the stored mappings belong to ` +
        formatDeployment(mappingsDeployment),
    );
  }
}

/**
 * Protects the mappings from an API key of another team. Without it, a process with such a key would create every user
 * again, and would treat "not found" in the other team as "deleted".
 *
 * Vital's responses about users carry a team id. The first team id is stored with the mappings. A process relies on the
 * absence of a user only after it has itself received a response with that team id.
 *
 * A process with a key of another team stops its work. It continues when the stored team id becomes that of its key.
 */
export function createTeamGuard({
  deployment,
  teams,
  vital,
  now,
  onWrongTeam,
  onRightTeam = () => undefined,
}: {
  deployment: Deployment;
  teams: TeamStore;
  vital: Pick<VitalApi, "findAnyUser">;
  now: Clock;
  /** Called at the first mismatch. */
  onWrongTeam: (error: VitalError) => void;
  /** Called when a mismatch has ended. */
  onRightTeam?: () => void;
}) {
  let isVerified = false;
  let mismatch: { error: VitalError; keyTeamId: string; readAtMs: number } | null = null;
  let unverifiedCreate: Promise<unknown> | null = null;

  /**
   * Compares the deployment of the mappings with that of the API key.
   * @throws WrongDeploymentError when they differ
   */
  async function assertDeployment(): Promise<void> {
    const stored = await teams.remember(deployment);
    if (formatDeployment(stored) !== formatDeployment(deployment)) {
      throw new WrongDeploymentError(deployment, { environment: stored.environment, region: stored.region });
    }
  }

  /** @throws VitalError `wrong_team` while the record has another team than the key */
  async function assertNoMismatch(): Promise<void> {
    if (mismatch === null) return;
    const { error, keyTeamId, readAtMs } = mismatch;
    const nowMs = now().getTime();
    if (nowMs - readAtMs < recheckMs) throw error;
    mismatch = { error, keyTeamId, readAtMs: nowMs };
    // Only a read: a process with a wrong key must not store its own team where an operator has removed one.
    const stored = await teams.find();
    if (stored?.teamId !== keyTeamId) throw error;
    mismatch = null;
    isVerified = true;
    onRightTeam();
  }

  /**
   * Compares the team in a response from Vital with the stored team.
   * @throws VitalError `wrong_team`, from the first mismatch until the record has been corrected
   */
  async function observe(user: VitalUser): Promise<void> {
    await assertNoMismatch();
    if (isVerified || user.teamId === null) return;
    const { teamId } = await teams.rememberTeamId(user.teamId);
    if (teamId !== user.teamId) {
      const message = `the API key belongs to team ${user.teamId}, but the mappings belong to team ${String(teamId)}`;
      const error = new VitalError("wrong_team", message);
      const isNews = mismatch === null;
      mismatch = { error, keyTeamId: user.teamId, readAtMs: now().getTime() };
      if (isNews) onWrongTeam(error);
      throw error;
    }
    isVerified = true;
  }

  /**
   * Looks up any user of the team, and returns whether the API key belongs to the team of the mappings. A team without
   * users is accepted as that team only when no mapping is active.
   * @throws VitalError `wrong_team` when the user belongs to another team, and any other kind when the lookup failed
   */
  async function verify(): Promise<boolean> {
    await assertNoMismatch();
    if (isVerified) return true;
    const user = await vital.findAnyUser();
    if (user === null) return !(await teams.hasActiveMapping());
    await observe(user);
    return true;
  }

  /**
   * Runs `call`, which creates a user or returns `null`. Until a response has confirmed the team, creates run one by
   * one, each after a check of the team: a wrong key creates at most one user in the other team, and none when that
   * team has users.
   */
  async function create<U extends VitalUser | null>(call: () => Promise<U>): Promise<U> {
    await assertNoMismatch();
    while (!isVerified && unverifiedCreate !== null) await unverifiedCreate.catch(() => undefined);
    if (isVerified) return call();
    const running = verifyAndCreate(call).finally(() => (unverifiedCreate = null));
    unverifiedCreate = running;
    return running;
  }

  async function verifyAndCreate<U extends VitalUser | null>(call: () => Promise<U>): Promise<U> {
    await verify();
    const user = await call();
    if (user !== null) await observe(user);
    return user;
  }

  return { assertDeployment, observe, verify, create };
}

export type TeamGuard = ReturnType<typeof createTeamGuard>;
