import type { Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";

const maxJobs = 1_000;

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Whether BullMQ cannot parse what Redis stores for a job. A job that does not exist is readable. */
const isUnreadable = (queue: Queue, jobId: string): Promise<boolean> =>
  queue.getJob(jobId).then(
    () => false,
    (error: unknown) => error instanceof SyntaxError || error instanceof TypeError,
  );

/**
 * Repairs active jobs that a producer without BullMQ wrote in an invalid format. A worker picks up such a job, fails
 * before it can report the error, and picks it up again when the lock expires: an endless loop that is visible nowhere.
 * The data stays, as a string when it is not JSON. The options are reset. The next worker that picks up the job
 * rejects it with a reason.
 *
 * @returns the ids of the repaired jobs, among the first thousand active jobs
 */
export async function repairUnreadableJobs(queue: Queue, redis: Redis | Cluster): Promise<string[]> {
  const jobIds = await redis.lrange(queue.toKey("active"), 0, maxJobs - 1);
  const repaired: string[] = [];
  for (const jobId of jobIds) {
    if (!(await isUnreadable(queue, jobId))) continue;
    const key = queue.toKey(jobId);
    const data = (await redis.hget(key, "data")) ?? "null";
    await redis.hdel(key, "progress", "stacktrace", "returnvalue");
    await redis.hset(key, { data: isJson(data) ? data : JSON.stringify(data), opts: "{}" });
    // No worker processes it: it need not wait until the lock of the last one expires.
    await redis.del(`${key}:lock`);
    repaired.push(jobId);
  }
  return repaired;
}
