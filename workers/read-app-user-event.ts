import type { Job } from "bullmq";
import { z } from "zod";
import { appUserIdProblem, type AppUserId } from "../src/core/mapping/app-user-id.js";
import { parseEventTime } from "../src/core/mapping/event-time.js";
import { isSignupEventType, toStoredEventId, type SignupEvent } from "../src/core/mapping/signup-event.js";
import { appUserEventJobName } from "../src/queue/app-user-events.js";

/** The result of reading a job. */
export type ReadJob =
  | { outcome: "accepted"; event: SignupEvent }
  /** A job name or an event type that the gateway does not use. */
  | { outcome: "ignored" }
  /** An invalid event. The reason names fields, never their values. */
  | { outcome: "refused"; reason: string };

/** Any producer may add jobs, so only the fields that are needed are checked. Other fields are ignored. */
const JobData = z.object({
  type: z.string(),
  appUserId: z.string(),
  id: z.string().optional(),
  occurredAt: z.union([z.string(), z.number()]).nullish(),
});

const reject = (reason: string): ReadJob => ({ outcome: "refused", reason });

/** Returns the time of an event that contains none: the time when its job was added, but never a time in the future. */
const toAddedTime = ({ timestamp }: Pick<Job, "timestamp">, now: Date) =>
  new Date(Number.isFinite(timestamp) ? Math.min(timestamp, now.getTime()) : now.getTime());

/** Reads a job that any producer may have added. */
export function readAppUserEvent(
  job: Pick<Job<unknown>, "id" | "name" | "data" | "timestamp">,
  now: Date,
): ReadJob {
  if (job.name !== appUserEventJobName) return { outcome: "ignored" };
  const parsed = JobData.safeParse(job.data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue === undefined || issue.path.length === 0 ? "the job's data" : issue.path.join(".");
    return reject(`${field}: ${issue?.message ?? "invalid"}`);
  }
  const { type, appUserId, id = "", occurredAt } = parsed.data;
  if (!isSignupEventType(type)) return { outcome: "ignored" };
  const problem = appUserIdProblem(appUserId);
  if (problem !== null) return reject(`appUserId: ${problem}`);
  const at =
    occurredAt === undefined || occurredAt === null ? toAddedTime(job, now) : parseEventTime(occurredAt, now);
  if (at === null)
    return reject("occurredAt: must be an RFC 3339 time with a zone, or seconds or milliseconds since 1970");
  const eventId = toStoredEventId(id === "" ? `job-${job.id ?? ""}` : id);
  return {
    outcome: "accepted",
    event: { id: eventId, type, appUserId: appUserId as AppUserId, occurredAt: at },
  };
}
