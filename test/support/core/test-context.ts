import { createTeamRecords } from "../../../src/mongo/team.js";
import { openMappings } from "../open-mappings.js";
import { createFakeVital } from "./fake-vital.js";
import { createManualClock } from "../manual-clock.js";
import { deployment } from "./memory-store.js";
import { createFakeNetwork } from "./fake-network.js";
import { startCoreProcess } from "./core-process.js";

/** Opens the mappings in a MongoDB database that only this test uses. */
export async function createTestStore() {
  const { mongo, mappings } = await openMappings();
  await mappings.indexes.create();
  const teams = { ...createTeamRecords(mongo), hasActiveMapping: mappings.hasActive };
  /** Changes the stored team id as an operator does. */
  const correctTeam = (change: object) =>
    mongo.connection.collection<{ _id: string }>("vital_gateway_meta").updateOne({ _id: "team" }, change);
  return { mappings, teams, correctTeam };
}

/** Real mappings, a Vital in memory behind a fake network, and a manual clock. All processes of a test share them. */
export async function createTestContext() {
  const { mappings, teams, correctTeam } = await createTestStore();
  await teams.remember(deployment);
  const clock = createManualClock();
  const network = createFakeNetwork();
  const vital = createFakeVital({ network: network.network });
  const start = (options: Partial<Parameters<typeof startCoreProcess>[0]> = {}) =>
    startCoreProcess({ store: mappings, teams, vital: vital.api, now: clock.now, ...options });
  return { mappings, teams, correctTeam, clock, network, vital, start };
}

export type TestContext = Awaited<ReturnType<typeof createTestContext>>;
