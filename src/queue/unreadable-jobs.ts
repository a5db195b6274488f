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

/** Whether BullMQ cannot make a job of what Redis holds; `null` is none at all. */
const isUnreadable = (queue: Queue, jobId: string): Promise<boolean> =>
  queue.getJob(jobId).then(
    () => false,
    (error: unknown) => error instanceof SyntaxError || error instanceof TypeError,
  );

/**
 * Makes jobs readable that a producer without BullMQ has written wrongly. A worker takes such a job, stumbles over it
 * before anybody is told, and takes it again when its lock is over: for ever, and seen by nobody. What was its data
 * stays, as a text where it is not JSON; its options go. The next worker that takes it says what is wrong with it.
 *
 * @returns the ids of the jobs that were mended, of the first thousand that are under way
 */
export async function mendUnreadableJobs(queue: Queue, redis: Redis | Cluster): Promise<string[]> {
  const jobIds = await redis.lrange(queue.toKey("active"), 0, maxJobs - 1);
  const mended: string[] = [];
  for (const jobId of jobIds) {
    if (!(await isUnreadable(queue, jobId))) continue;
    const key = queue.toKey(jobId);
    const data = (await redis.hget(key, "data")) ?? "null";
    await redis.hdel(key, "progress", "stacktrace", "returnvalue");
    await redis.hset(key, { data: isJson(data) ? data : JSON.stringify(data), opts: "{}" });
    // Nobody works on it: it need not wait until the lock of who took it is over.
    await redis.del(`${key}:lock`);
    mended.push(jobId);
  }
  return mended;
}
