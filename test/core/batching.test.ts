import { expect, test } from "vitest";
import { createBatcher, type Outcome } from "../../src/core/batching.js";

/** Round trips that end when the test ends them. */
function createRoundTrips() {
  const sent: { items: readonly string[]; respond: () => void; fail: (error: Error) => void }[] = [];
  const run = (items: readonly string[]) =>
    new Promise<readonly Outcome<string>[]>((resolve, reject) => {
      const respond = () => {
        resolve(items.map((item) => ({ ok: true, value: `${item}!` })));
      };
      sent.push({ items, respond, fail: reject });
    });
  return { sent, run };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("calls made in one turn share a batch, and calls made while all batches are in flight share the next one", async () => {
  const { sent, run } = createRoundTrips();
  const call = createBatcher({ run, maxItems: 2, maxInFlight: 1 });
  const results = ["a", "b", "c"].map(call);
  await nextTurn();
  results.push(call("d"));
  expect(sent.map(({ items }) => items)).toEqual([["a", "b"]]);
  sent[0]?.respond();
  await nextTurn();
  expect(sent.map(({ items }) => items)).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  sent[1]?.respond();
  expect(await Promise.all(results)).toEqual(["a!", "b!", "c!", "d!"]);
});

test("a round trip that fails also rejects the waiting calls, and later calls get their own attempt", async () => {
  const { sent, run } = createRoundTrips();
  const call = createBatcher({ run, maxItems: 1, maxInFlight: 1 });
  const settled = Promise.allSettled(["a", "b", "c"].map(call));
  await nextTurn();
  sent[0]?.fail(new Error("unavailable"));
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await nextTurn();
  expect(sent).toHaveLength(1);

  const later = call("d");
  await nextTurn();
  sent[1]?.respond();
  expect(await later).toBe("d!");
});

test("an item without an outcome rejects, and the others are not affected", async () => {
  const call = createBatcher<string, string>({
    run: () => Promise.resolve([{ ok: true, value: "first" }]),
    maxItems: 10,
  });
  const [first, second] = await Promise.allSettled([call("a"), call("b")]);
  expect(first).toMatchObject({ status: "fulfilled", value: "first" });
  expect(second).toMatchObject({ status: "rejected" });
});
