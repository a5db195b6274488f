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
   * Issues a sign-in token for an authenticated app user, provisioning its Vital user first where that has not
   * happened yet.
   * @throws ServiceError with the code that the caller is told
   */
  issue(appUserId: AppUserId): Promise<IssuedSignInToken>;
};

export type TokenOutcome = "issued" | "healed" | "failed";

/**
 * How long others join a provisioning that is under way, milliseconds. It ends by itself long before; if it ever did
 * not, its viewer would get no token any more for as long as the process lives.
 */
const defaultLongestFlightMs = 60_000;

const toStuck = () => new ServiceError("SERVICE_UNAVAILABLE", { reason: "a provisioning did not end" });

/** What an app is told to wait when the time to wait is not known, milliseconds. */
const defaultRetryMs = 2_000;

function toServiceError(error: VitalError): ServiceError {
  const retryAfterMs = error.retryAfterMs ?? defaultRetryMs;
  return new ServiceError(error.failure.callerCode, { retryAfterMs, reason: error.message, cause: error });
}

/** Why this row gives no token. */
function toRefusal(row: Mapping | null): ServiceError {
  if (row?.state === "failed")
    return new ServiceError("PROVISIONING_FAILED", { reason: row.lastError.message });
  if (row?.state === "deleted" || (row?.state === "deleting" && !isSignedUpAgain(row))) {
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
  longestFlightMs = defaultLongestFlightMs,
}: {
  mappings: Pick<MappingStore, "find">;
  writer: MappingWriter;
  provisioning: Provisioning;
  vital: Pick<VitalApi, "createSignInToken">;
  team: TeamGuard;
  /** Asks a worker to go on where this request has to stop. */
  wake: Wake;
  now: Clock;
  /** For the whole of one request, milliseconds. */
  deadlineMs: number;
  longestFlightMs?: number;
}): SignInTokens {
  /** Requests of one viewer that wait at the same moment share one provisioning, never a token. */
  const underWay = new Map<AppUserId, Promise<Mapping | null>>();

  function provisionOnce(appUserId: AppUserId, seen: Mapping | null, seenAt: Date): Promise<Mapping | null> {
    const running = underWay.get(appUserId);
    if (running !== undefined) return running;
    const started = withDeadline(provisioning.provision(appUserId, seen, seenAt), longestFlightMs, toStuck)
      .catch((error: unknown) => {
        wake("provision-user", appUserId);
        throw error;
      })
      .finally(() => underWay.delete(appUserId));
    underWay.set(appUserId, started);
    return started;
  }

  async function getActive(appUserId: AppUserId): Promise<ActiveMapping> {
    const seenAt = now();
    const found = await mappings.find(appUserId);
    if (found?.state === "active") return found;
    const asked = found ?? (await writer.apply(appUserId, { type: "requested" }, null));
    const row = asked?.state === "pending" ? await provisionOnce(appUserId, asked, seenAt) : asked;
    if (row?.state === "active") return row;
    throw toRefusal(row);
  }

  /** The Vital user is gone at Vital: makes the mapping pending again, unless it went on by itself, and provisions. */
  async function heal(row: ActiveMapping): Promise<ActiveMapping> {
    // Throws when the key belongs to another team, where every user is unknown.
    await team.verify();
    const seenAt = now();
    const healed = await writer.apply(row.appUserId, {
      type: "vital-user-missing",
      vitalUserId: row.vitalUserId,
    });
    const next = healed?.state === "pending" ? await provisionOnce(row.appUserId, healed, seenAt) : healed;
    if (next?.state === "active") return next;
    throw toRefusal(next);
  }

  async function issueOrHeal(appUserId: AppUserId): Promise<IssuedSignInToken> {
    const row = await getActive(appUserId);
    try {
      return await issueFor(row);
    } catch (error) {
      if (!(error instanceof VitalError) || !error.failure.isUserMissing) throw error;
    }
    return issueFor(await heal(row));
  }

  async function issueFor({ vitalUserId, environment, region }: ActiveMapping): Promise<IssuedSignInToken> {
    const signInToken = await vital.createSignInToken(vitalUserId);
    return { vitalUserId, signInToken, environment, region };
  }

  const toLate = () =>
    new ServiceError("VITAL_UNAVAILABLE", {
      retryAfterMs: defaultRetryMs,
      reason: `no answer within ${deadlineMs} ms`,
    });

  return {
    async issue(appUserId) {
      try {
        return await withDeadline(issueOrHeal(appUserId), deadlineMs, toLate);
      } catch (error) {
        if (error instanceof VitalError) throw toServiceError(error);
        throw error;
      }
    },
  };
}
