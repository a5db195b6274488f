import { setTimeout as delay } from "node:timers/promises";

/** Checks the condition every few milliseconds until it is true. Throws an error with the description after the timeout. */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline)
      throw new Error(`Timed out after ${timeoutMs} ms waiting until ${description}`);
    await delay(10);
  }
}
