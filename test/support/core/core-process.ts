import type { AppUserId } from "../../../src/core/mapping/app-user-id.js";
import type { Clock, Random } from "../../../src/core/clock.js";
import { createDeprovisioning } from "../../../src/core/provisioning/deprovisioning.js";
import type { ProvisioningJob, Wake } from "../../../src/core/provisioning/jobs.js";
import { createMappingWriter, type MappingStore } from "../../../src/core/mapping/mapping-writer.js";
import type { ProvisioningFailure } from "../../../src/core/provisioning/failures.js";
import { createProvisioning } from "../../../src/core/provisioning/provisioning.js";
import { createSignInTokens } from "../../../src/core/tokens/sign-in-tokens.js";
import type { ReceivedEvent, SignupEventType } from "../../../src/core/mapping/signup-event.js";
import { createSignupEvents } from "../../../src/core/mapping/signup-events.js";
import { createSweeper, type DueMapping } from "../../../src/core/provisioning/sweeper.js";
import type { TransitionRules } from "../../../src/core/mapping/next-mapping.js";
import { createTransitionRules } from "../../../src/core/provisioning/transition-rules.js";
import { createTeamGuard, type TeamStore } from "../../../src/core/vital/team-guard.js";
import type { VitalApi } from "../../../src/core/vital/vital-api.js";
import type { VitalError } from "../../../src/core/vital/vital-error.js";
import { toReceivedEvent } from "./mapping-fixtures.js";
import { deployment } from "./memory-store.js";

/** The store as one process sees it. */
export type Store = MappingStore & {
  listDue(at: Date, limit: number): Promise<readonly DueMapping[]>;
};

/** The timeout of one call to Vital. */
export const vitalTimeoutMs = 5_000;

export const rules = createTransitionRules({ deployment, vitalTimeoutMs });

/** The rules of versions that sent every app user id to Vital unchanged. */
export const legacyRules = { ...rules, toClientUserId: String };
export const { settleMs, sweepGraceMs } = rules;

/**
 * Starts one process of the product on the given store and Vital: the core's services, created as the composition root
 * creates them. There is no queue, so the sweeper runs the jobs itself.
 */
export function startCoreProcess({
  store,
  teams,
  vital,
  now,
  rules: processRules = rules,
  random = () => 0.5,
  deadlineMs = 10_000,
  maxSharedMs = 60_000,
  wake = () => undefined,
  onWrongTeam = () => undefined,
  onRightTeam = () => undefined,
  onBlockedDeletion = () => undefined,
  onFailure = () => undefined,
}: {
  store: Store;
  teams: TeamStore;
  vital: VitalApi;
  now: Clock;
  rules?: TransitionRules;
  random?: Random;
  deadlineMs?: number;
  maxSharedMs?: number;
  wake?: Wake;
  onWrongTeam?: (error: VitalError) => void;
  onRightTeam?: () => void;
  onBlockedDeletion?: (event: ReceivedEvent) => void;
  onFailure?: (failure: ProvisioningFailure) => void;
}) {
  const team = createTeamGuard({ deployment, teams, vital, now, onWrongTeam, onRightTeam });
  const writer = createMappingWriter({ mappings: store, rules: processRules, now });
  const core = { mappings: store, writer, vital, team, now, random, onFailure };
  const provisioning = createProvisioning(core);
  const deprovisioning = createDeprovisioning(core);
  const signInTokens = createSignInTokens({
    mappings: store,
    writer,
    provisioning,
    vital,
    team,
    wake,
    now,
    deadlineMs,
    maxSharedMs,
  });
  const events = createSignupEvents({ writer, wake, now, onBlockedDeletion });
  const running = new Set<Promise<unknown>>();
  const run: Record<ProvisioningJob, (appUserId: AppUserId) => Promise<unknown>> = {
    "provision-user": provisioning.provision,
    "deprovision-user": deprovisioning.deprovision,
  };
  const sweeper = createSweeper({
    mappings: store,
    queue: { isReachable: () => false, enqueue: () => Promise.reject(new Error("no queue")) },
    async runJob(job, appUserId) {
      const work = run[job](appUserId).catch(() => undefined);
      running.add(work);
      await work.finally(() => running.delete(work));
    },
    now,
    random,
  });

  return {
    team,
    writer,
    provisioning,
    deprovisioning,
    signInTokens,
    sweeper,
    find: store.find,
    /** Records one event; `at` is the sender's time in seconds. */
    record: (appUserId: AppUserId, type: SignupEventType, at: number) =>
      events.record([toReceivedEvent(appUserId, type, { at: new Date(at * 1000), id: `${type}-${at}` })]),
    recordAll: events.record,
    /** Runs one round of the sweeper and waits for the jobs that it started. */
    async sweep(): Promise<number> {
      const claimed = await sweeper.sweep();
      await Promise.all([...running]);
      return claimed;
    },
  };
}

export type CoreProcess = ReturnType<typeof startCoreProcess>;
