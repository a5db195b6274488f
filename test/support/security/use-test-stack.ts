import { afterAll, beforeAll, onTestFinished } from "vitest";
import { createTestDatabase, createTestRedis } from "../services.js";
import { startTestStack, type TestStack } from "./test-stack.js";

/** Starts a stack for one test, which closes it at its end. */
export async function startStackForTest(overrides: { redisUrl?: string } = {}): Promise<TestStack> {
  const redisUrl = overrides.redisUrl ?? (await createTestRedis());
  const stack = await startTestStack({ mongodbUrl: createTestDatabase(), redisUrl });
  onTestFinished(() => stack.close());
  return stack;
}

/** Starts one stack for all tests of a file; called at the top of the file. */
export function startStackForFile(): () => TestStack {
  const mongodbUrl = createTestDatabase();
  let stack: TestStack | null = null;
  beforeAll(async () => {
    stack = await startTestStack({ mongodbUrl, redisUrl: await createTestRedis() });
  });
  afterAll(async () => {
    await stack?.close();
  });
  return () => {
    if (stack === null) throw new Error("The stack is available only inside a test.");
    return stack;
  };
}
