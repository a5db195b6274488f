import { expect, test } from "vitest";
import { createBatcher, type Outcome } from "../../src/core/batching.js";

/** A round trip that ends when the test says so. */
function createRoundTrips() {
  const sent: { items: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const run = (items: readonly string[]) =>
    new Promise<readonly Outcome<string>[]>((resolve, reject) => {
      const answer = () => {
        resolve(items.map((item) => ({ ok: true, value: `${item}!` })));
      };
      sent.push({ items, answer, fail: reject });
    });
  return { sent, run };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("what arrives in one turn travels together, what arrives while all are under way goes with the next", async () => {
  const { sent, run } = createRoundTrips();
  const ask = createBatcher({ run, maxItems: 2, maxInFlight: 1 });
  const answers = ["a", "b", "c"].map(ask);
  await nextTurn();
  answers.push(ask("d"));
  expect(sent.map(({ items }) => items)).toEqual([["a", "b"]]);
  sent[0]?.answer();
  await nextTurn();
  expect(sent.map(({ items }) => items)).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  sent[1]?.answer();
  expect(await Promise.all(answers)).toEqual(["a!", "b!", "c!", "d!"]);
});

test("what waits behind a round trip that fails, fails with it; what comes later has its own try", async () => {
  const { sent, run } = createRoundTrips();
  const ask = createBatcher({ run, maxItems: 1, maxInFlight: 1 });
  const settled = Promise.allSettled(["a", "b", "c"].map(ask));
  await nextTurn();
  sent[0]?.fail(new Error("nobody there"));
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await nextTurn();
  expect(sent).toHaveLength(1);

  const later = ask("d");
  await nextTurn();
  sent[1]?.answer();
  expect(await later).toBe("d!");
});

test("an item without an outcome is an error, and nobody else's", async () => {
  const ask = createBatcher<string, string>({
    run: () => Promise.resolve([{ ok: true, value: "first" }]),
    maxItems: 10,
  });
  const [first, second] = await Promise.allSettled([ask("a"), ask("b")]);
  expect(first).toMatchObject({ status: "fulfilled", value: "first" });
  expect(second).toMatchObject({ status: "rejected" });
});
