import { expect, test } from "vitest";
import { createClosers, type CloserOptions } from "../../src/lifecycle/closers.js";
import { createRecordingLog } from "../support/recording-log.js";

/** Closers that note the order in which they ran. */
function setUp({ sharedMs = 1_000 } = {}) {
  const { log, lines } = createRecordingLog();
  const closers = createClosers({ log, sharedMs });
  const closed: string[] = [];
  const add = (resource: string, close: () => unknown = () => undefined, options?: CloserOptions) => {
    closers.add(
      resource,
      () => {
        closed.push(resource);
        return close();
      },
      options,
    );
  };
  return { closers, lines, closed, add };
}

const never = () => new Promise<never>(() => undefined);

test("closers run one after another, in the reverse order of opening", async () => {
  const { closers, closed, add } = setUp();
  const finished: string[] = [];
  add("database");
  add("queue", async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    finished.push(...closed);
  });
  add("server");
  await closers.close();
  expect(closed).toEqual(["server", "queue", "database"]);
  expect(finished).toEqual(["server", "queue"]);
});

test("a closer that rejects and one that throws do not stop the others, and both failures are reported", async () => {
  const { closers, lines, closed, add } = setUp();
  const [rejected, thrown] = [new Error("it rejects"), new Error("it throws")];
  add("database");
  add("queue", () => Promise.reject(rejected));
  add("cache", () => {
    throw thrown;
  });
  add("server");
  const error = await closers.close().catch((reason: unknown) => reason);
  expect(closed).toEqual(["server", "cache", "queue", "database"]);
  expect(error).toBeInstanceOf(AggregateError);
  expect(error).toMatchObject({ message: "failed to close: cache, queue", errors: [thrown, rejected] });
  expect(lines).toEqual([
    { level: "error", phrase: "closing failed", fields: { resource: "cache", err: thrown } },
    { level: "error", phrase: "closing failed", fields: { resource: "queue", err: rejected } },
  ]);
});

test("closers that never end use up the shared time once, and those after them are still started", async () => {
  const { closers, lines, closed, add } = setUp({ sharedMs: 100 });
  add("database", never);
  add("queue", never);
  add("server", never);
  const startedAtMs = performance.now();
  await closers.close();
  expect(performance.now() - startedAtMs).toBeLessThan(500);
  expect(closed).toEqual(["server", "queue", "database"]);
  expect(lines.map(({ level, phrase }) => `${level}: ${phrase}`)).toEqual(
    Array(3).fill("warn: not closed in time"),
  );
});

test("a closer with a time limit of its own leaves the shared time to the others, and cuts off what is open", async () => {
  const { closers, closed, add } = setUp({ sharedMs: 1_000 });
  let isEnded = false;
  const finished: string[] = [];
  add("database", async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    finished.push("database");
  });
  add("server", never, { timeoutMs: 20, cutOff: () => (isEnded = true) });
  await closers.close();
  expect({ closed, finished, isEnded }).toEqual({
    closed: ["server", "database"],
    finished: ["database"],
    isEnded: true,
  });
});

test("everything is closed once, also when it is closed twice", async () => {
  const { closers, closed, add } = setUp();
  add("database");
  await Promise.all([closers.close(), closers.close()]);
  await closers.close();
  expect(closed).toEqual(["database"]);
});

test("when opening fails, what is open by then is closed before the error is reported", async () => {
  const { closers, closed, add } = setUp();
  const failure = new Error("the port is in use");
  const open = async () => {
    add("database", () => Promise.reject(new Error("it rejects")));
    await Promise.resolve();
    throw failure;
  };
  await expect(closers.closeOnFailure(open)).rejects.toBe(failure);
  expect(closed).toEqual(["database"]);
});
