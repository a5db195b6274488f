import type { Job } from "bullmq";
import { z } from "zod";
import { appUserIdProblem, type AppUserId } from "../src/core/mapping/app-user-id.js";
import { parseEventTime } from "../src/core/mapping/event-time.js";
import { isSignupEventType, toStoredEventId, type SignupEvent } from "../src/core/mapping/signup-event.js";
import { appUserEventJobName } from "../src/queue/app-user-events.js";

/** What a job of the queue says. */
export type ReadJob =
  | { outcome: "accepted"; event: SignupEvent }
  /** Of no concern to us: a job or a type of another name. */
  | { outcome: "ignored" }
  /** It can never be taken; the reason names fields, never their values. */
  | { outcome: "refused"; reason: string };

/** Anybody may add jobs: only what is needed is asked for, and the rest is let be. */
const JobData = z.object({
  type: z.string(),
  appUserId: z.string(),
  id: z.string().optional(),
  occurredAt: z.union([z.string(), z.number()]).nullish(),
});

const refuse = (reason: string): ReadJob => ({ outcome: "refused", reason });

/** An event without a time of its own has that at which it was added, however long it then waited. */
const toAddedAt = ({ timestamp }: Pick<Job, "timestamp">, now: Date) =>
  new Date(Number.isFinite(timestamp) ? Math.min(timestamp, now.getTime()) : now.getTime());

/** Reads a job as anybody may have added it. */
export function readAppUserEvent(
  job: Pick<Job<unknown>, "id" | "name" | "data" | "timestamp">,
  now: Date,
): ReadJob {
  if (job.name !== appUserEventJobName) return { outcome: "ignored" };
  const parsed = JobData.safeParse(job.data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "the job's data" : issue.path.join(".");
    return refuse(`${place}: ${issue?.message ?? "not of the form"}`);
  }
  const { type, appUserId, id = "", occurredAt } = parsed.data;
  if (!isSignupEventType(type)) return { outcome: "ignored" };
  const problem = appUserIdProblem(appUserId);
  if (problem !== null) return refuse(`appUserId: ${problem}`);
  const at =
    occurredAt === undefined || occurredAt === null ? toAddedAt(job, now) : parseEventTime(occurredAt, now);
  if (at === null) return refuse("occurredAt: must be RFC 3339, or seconds or milliseconds since 1970");
  const eventId = toStoredEventId(id === "" ? `job-${job.id ?? ""}` : id);
  return {
    outcome: "accepted",
    event: { id: eventId, type, appUserId: appUserId as AppUserId, occurredAt: at },
  };
}
