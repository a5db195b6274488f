import { expect, test } from "vitest";
import { createClosers, type CloserOptions } from "../../src/lifecycle/closers.js";
import { createRecordingLog } from "../support/recording-log.js";

/** Creates closers that record the order in which they run. */
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

test("closers that reject or throw do not stop the others, and all failures are reported", async () => {
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

test("closers that never finish share one time limit, and the closers after them are still started", async () => {
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

test("a closer with its own time limit is cut off after it, and does not use the shared time", async () => {
  const { closers, closed, add } = setUp({ sharedMs: 1_000 });
  let isCutOff = false;
  const finished: string[] = [];
  add("database", async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    finished.push("database");
  });
  add("server", never, { timeoutMs: 20, cutOff: () => (isCutOff = true) });
  await closers.close();
  expect({ closed, finished, isCutOff }).toEqual({
    closed: ["server", "database"],
    finished: ["database"],
    isCutOff: true,
  });
});

test("every resource is closed only once, even when close is called again", async () => {
  const { closers, closed, add } = setUp();
  add("database");
  await Promise.all([closers.close(), closers.close()]);
  await closers.close();
  expect(closed).toEqual(["database"]);
});

test("when opening fails, everything opened so far is closed before the error is thrown", async () => {
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
