import type { Deployment, TeamRecord } from "../core/vital/deployment.js";
import type { MongoAccess } from "./connection.js";

type TeamDocument = Deployment & { _id: "team"; teamId?: string };

const collectionName = "vital_gateway_meta";

const toRecord = (row: TeamDocument): TeamRecord => ({
  environment: row.environment,
  region: row.region,
  teamId: row.teamId ?? null,
});

/** The one document that says which Vital team the mappings of this database belong to. */
export function createTeamRecords({ connection, run }: MongoAccess) {
  const rows = () => connection.collection<TeamDocument>(collectionName);

  async function get(): Promise<TeamRecord> {
    const row = await rows().findOne({ _id: "team" });
    if (row === null) throw new Error(`the document "team" of ${collectionName} has disappeared`);
    return toRecord(row);
  }

  return {
    /** What is stored, or `null` while no process has been here. */
    find: (): Promise<TeamRecord | null> =>
      run(async () => {
        const row = await rows().findOne({ _id: "team" });
        return row === null ? null : toRecord(row);
      }),

    /** Stores the place unless one is stored, and gives what is stored. */
    remember: ({ environment, region }: Deployment): Promise<TeamRecord> =>
      run(async () => {
        await rows().updateOne({ _id: "team" }, { $setOnInsert: { environment, region } }, { upsert: true });
        return get();
      }),

    /** Stores the team id unless one is stored, and gives what is stored. */
    rememberTeamId: (teamId: string): Promise<TeamRecord> =>
      run(async () => {
        await rows().updateOne({ _id: "team", teamId: { $exists: false } }, { $set: { teamId } });
        return get();
      }),
  };
}
