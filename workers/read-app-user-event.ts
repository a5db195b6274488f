import type { Job } from "bullmq";
import { z } from "zod";
import { signupUserIdProblem, type AppUserId } from "../src/core/mapping/app-user-id.js";
import { toEventKey } from "../src/core/mapping/event-key.js";
import { describeTimeProblem } from "../src/core/mapping/event-time-problem.js";
import { isAbsentTime, parseEventTime } from "../src/core/mapping/event-time.js";
import { toStoredEventId, type ReceivedEvent } from "../src/core/mapping/signup-event.js";
import { readJobType } from "./read-job-type.js";

/** The result of reading a job. */
export type ReadJob =
  | { outcome: "accepted"; event: ReceivedEvent }
  /** An event type that the gateway does not use. */
  | { outcome: "ignored"; typeName: string }
  /** An invalid event. The reason names fields, never their values. */
  | { outcome: "refused"; reason: string };

const text = z.string({ error: ({ input }) => (input === undefined ? "is missing" : "must be a string") });

/**
 * Any producer may add jobs, so only the fields that are needed are checked. Other fields are ignored, and `null` is the
 * same as an absent field: many languages write it for a value that they do not have.
 */
const JobData = z.object(
  {
    type: text.nullish(),
    appUserId: text,
    id: text.nullish(),
    occurredAt: z.union([z.string(), z.number()], "must be a string or a number").nullish(),
  },
  {
    error: ({ input }) =>
      typeof input === "string"
        ? "must be an object, but is a text; encode it as JSON once"
        : "must be an object",
  },
);

const reject = (reason: string): ReadJob => ({ outcome: "refused", reason });

type SignupJob = Pick<Job<unknown>, "id" | "name" | "data" | "timestamp">;

/**
 * Returns the id by which a producer identifies an event that has no id of its own: the job's id, if the producer has set
 * it. BullMQ's own job ids are numbers, which differ for each job.
 *
 * An event with a time is identified by its time instead: producers set the user's id as the job's id so that BullMQ adds
 * the job only once, and then all signups of that user would be one event.
 */
const toJobEventId = ({ id = "" }: SignupJob): string | null => (/^\d*$/.test(id) ? null : `job-${id}`);

/** Reads a job that any producer may have added. */
export function readAppUserEvent(job: SignupJob): ReadJob {
  const parsed = JobData.safeParse(job.data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue === undefined || issue.path.length === 0 ? "the job's data" : issue.path.join(".");
    return reject(`${field}: ${issue?.message ?? "invalid"}`);
  }
  const { appUserId, occurredAt } = parsed.data;
  const id = parsed.data.id ?? "";
  const read = readJobType(job.name, parsed.data.type ?? undefined);
  if ("problem" in read) return reject(read.problem);
  if ("ignored" in read) return { outcome: "ignored", typeName: read.ignored };
  const problem = signupUserIdProblem(appUserId);
  if (problem !== null) return reject(`appUserId: ${problem}`);
  const hasOwnTime = !isAbsentTime(occurredAt);
  // The time when the job was added is the time of an event that contains none: a retry of the job does not change it.
  const at = parseEventTime(hasOwnTime ? occurredAt : job.timestamp);
  if (at === null) return reject(`occurredAt: ${describeTimeProblem(occurredAt)}`);
  const { type } = read;
  const userId = appUserId as AppUserId;
  const key = toEventKey({
    type,
    appUserId: userId,
    id: id !== "" ? id : hasOwnTime ? null : toJobEventId(job),
    occurredAt: hasOwnTime ? at : null,
    getContent: () => JSON.stringify(job.data),
  });
  const eventId = toStoredEventId(id === "" ? `job-${job.id ?? ""}` : id);
  return {
    outcome: "accepted",
    event: { id: eventId, type, appUserId: userId, occurredAt: at, key, hasOwnTime: true },
  };
}
