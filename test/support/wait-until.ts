import { setTimeout as delay } from "node:timers/promises";

/** Asks every few milliseconds until the answer is yes; throws with the description when time runs out. */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${description}`);
    await delay(10);
  }
}
