import type { AppUserId, VitalUserId } from "../mapping/app-user-id.js";
import type { Clock } from "../clock.js";
import { withDeadline } from "../deadline.js";
import { ServiceError } from "../errors.js";
import { isSignedUpAgain, type ActiveMapping, type Mapping } from "../mapping/mapping.js";
import type { MappingStore, MappingWriter } from "../mapping/mapping-writer.js";
import type { Provisioning } from "../provisioning/provisioning.js";
import type { TeamGuard } from "../vital/team-guard.js";
import type { Wake } from "../provisioning/jobs.js";
import type { VitalApi } from "../vital/vital-api.js";
import { VitalError } from "../vital/vital-error.js";
import type { Deployment } from "../vital/deployment.js";

/** A Vital Sign-In Token and the Vital user that it signs in. Never cached, stored or logged. */
export type IssuedSignInToken = Deployment & { vitalUserId: VitalUserId; signInToken: string };

export type SignInTokens = {
  /**
   * Issues a sign-in token for an authenticated app user. Provisions the Vital user first when there is none yet.
   * @throws ServiceError with the code that the caller receives
   */
  issue(appUserId: AppUserId): Promise<IssuedSignInToken>;
};

/**
 * How long simultaneous requests of one viewer share a provisioning run, milliseconds. A run normally ends much
 * earlier. Without a limit, one that never ends would block its viewer until the process restarts.
 */
const defaultMaxSharedMs = 60_000;

/** How long a caller should wait before a retry when Vital names no time, milliseconds. */
const defaultRetryMs = 2_000;

const toStuckError = () =>
  new ServiceError("SERVICE_UNAVAILABLE", { reason: "the provisioning run did not end in time" });

function toServiceError(error: VitalError): ServiceError {
  const retryAfterMs = error.retryAfterMs ?? defaultRetryMs;
  return new ServiceError("VITAL_UNAVAILABLE", { retryAfterMs, reason: error.message, cause: error });
}

/** Returns the error for an app user whose mapping allows no token. */
function toNoTokenError(mapping: Mapping | null): ServiceError {
  if (mapping?.state === "failed")
    return new ServiceError("PROVISIONING_FAILED", { reason: mapping.lastError.message });
  if (mapping?.state === "deleted" || (mapping?.state === "deleting" && !isSignedUpAgain(mapping))) {
    return new ServiceError("FORBIDDEN", { message: "This app user was deleted." });
  }
  const reason = "the Vital user of an earlier signup is still being deleted";
  return new ServiceError("VITAL_UNAVAILABLE", { retryAfterMs: defaultRetryMs, reason });
}

export function createSignInTokens({
  mappings,
  writer,
  provisioning,
  vital,
  team,
  wake,
  now,
  deadlineMs,
  maxSharedMs = defaultMaxSharedMs,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  provisioning: Provisioning;
  vital: Pick<VitalApi, "createSignInToken">;
  team: TeamGuard;
  /** Asks a worker to continue after a provisioning run has failed here. */
  wake: Wake;
  now: Clock;
  /** For the whole request, milliseconds. */
  deadlineMs: number;
  maxSharedMs?: number;
}): SignInTokens {
  /** Simultaneous requests of one viewer share one provisioning run, but never a token. */
  const inProgress = new Map<AppUserId, Promise<Mapping | null>>();

  function provisionOnce(appUserId: AppUserId, seen: Mapping | null, seenAt: Date): Promise<Mapping | null> {
    const running = inProgress.get(appUserId);
    if (running !== undefined) return running;
    const started = withDeadline(provisioning.provision(appUserId, seen, seenAt), maxSharedMs, toStuckError)
      .catch((error: unknown) => {
        wake("provision-user", appUserId);
        throw error;
      })
      .finally(() => inProgress.delete(appUserId));
    inProgress.set(appUserId, started);
    return started;
  }

  async function getActive(appUserId: AppUserId): Promise<ActiveMapping> {
    const seenAt = now();
    const found = await mappings.find(appUserId);
    if (found?.state === "active") return found;
    const requested = found ?? (await writer.apply(appUserId, { type: "requested" }, null));
    const mapping =
      requested?.state === "pending" ? await provisionOnce(appUserId, requested, seenAt) : requested;
    if (mapping?.state === "active") return mapping;
    throw toNoTokenError(mapping);
  }

  /**
   * Replaces a Vital user that does not exist at Vital: makes the mapping pending again, unless it has changed since,
   * and provisions it.
   */
  async function heal({ appUserId, vitalUserId }: ActiveMapping): Promise<ActiveMapping> {
    // Throws when the API key belongs to another team: every user is unknown to that team.
    await team.verify();
    const seenAt = now();
    const healed = await writer.apply(appUserId, { type: "vital-user-missing", vitalUserId });
    const next = healed?.state === "pending" ? await provisionOnce(appUserId, healed, seenAt) : healed;
    if (next?.state === "active") return next;
    throw toNoTokenError(next);
  }

  async function issueOrHeal(appUserId: AppUserId): Promise<IssuedSignInToken> {
    const mapping = await getActive(appUserId);
    try {
      return await issueFor(mapping);
    } catch (error) {
      if (!(error instanceof VitalError) || !error.failure.isUserMissing) throw error;
    }
    return issueFor(await heal(mapping));
  }

  async function issueFor({ vitalUserId, environment, region }: ActiveMapping): Promise<IssuedSignInToken> {
    const signInToken = await vital.createSignInToken(vitalUserId);
    return { vitalUserId, signInToken, environment, region };
  }

  const toTimeoutError = () =>
    new ServiceError("VITAL_UNAVAILABLE", {
      retryAfterMs: defaultRetryMs,
      reason: `no token within ${deadlineMs} ms`,
    });

  return {
    async issue(appUserId) {
      try {
        return await withDeadline(issueOrHeal(appUserId), deadlineMs, toTimeoutError);
      } catch (error) {
        if (error instanceof VitalError) throw toServiceError(error);
        throw error;
      }
    },
  };
}
