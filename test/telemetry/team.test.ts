import mongoose from "mongoose";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../support/services.js";
import { waitUntil } from "../support/wait-until.js";
import { openFleet } from "../support/workers/fleet.js";

const otherTeam = "b0000000-0000-4000-8000-000000000000";

/** Starts a process that does nothing but answer scrapes, and a function that changes the team of the mappings. */
async function openIdleProcess() {
  const mongodbUrl = createTestDatabase();
  const fleet = await openFleet({ mongodbUrl });
  const client = new mongoose.mongo.MongoClient(mongodbUrl);
  onTestFinished(() => client.close());
  const setTeam = (teamId: string) =>
    client
      .db()
      .collection<{ _id: string }>("vital_gateway_meta")
      .updateOne({ _id: "team" }, { $set: { teamId } });
  const { body } = await fleet.vital.create("a user of the team");
  const { readMetric } = await fleet.start("gateway");
  return { ...fleet, setTeam, keyTeam: String(body.team_id), readMetric };
}

test("a process with nothing to do shows that its key belongs to another team, until the record is corrected", async () => {
  const { setTeam, keyTeam, readMetric } = await openIdleProcess();
  await setTeam(otherTeam);
  const becomes = (value: number) =>
    waitUntil(`wrong_team is ${value}`, async () => (await readMetric("wrong_team")) === value, 20_000);
  await becomes(1);
  await setTeam(keyTeam);
  await becomes(0);
}, 60_000);

test("a process whose key belongs to the team of the mappings shows 0", async () => {
  const { setTeam, keyTeam, readMetric } = await openIdleProcess();
  await setTeam(keyTeam);
  for (let n = 0; n < 3; n += 1) expect(await readMetric("wrong_team")).toBe(0);
});
