import type { Deployment, TeamRecord } from "../core/vital/deployment.js";
import type { MongoAccess } from "./connection.js";

type TeamDocument = Deployment & { _id: "team"; teamId?: string };

const collectionName = "vital_gateway_meta";

const toRecord = (document: TeamDocument): TeamRecord => ({
  environment: document.environment,
  region: document.region,
  teamId: document.teamId ?? null,
});

/** The one document that says which Vital team the mappings of this database belong to. */
export function createTeamRecords({ connection, run }: MongoAccess) {
  const documents = () => connection.collection<TeamDocument>(collectionName);

  async function get(): Promise<TeamRecord> {
    const document = await documents().findOne({ _id: "team" });
    if (document === null) throw new Error(`the document "team" of ${collectionName} has disappeared`);
    return toRecord(document);
  }

  return {
    /** Returns what is stored, or `null` before the first start of a process. */
    find: (): Promise<TeamRecord | null> =>
      run(async () => {
        const document = await documents().findOne({ _id: "team" });
        return document === null ? null : toRecord(document);
      }),

    /** Stores the deployment unless one is stored, and returns what is stored. */
    remember: ({ environment, region }: Deployment): Promise<TeamRecord> =>
      run(async () => {
        await documents().updateOne(
          { _id: "team" },
          { $setOnInsert: { environment, region } },
          { upsert: true },
        );
        return get();
      }),

    /** Stores the team id unless one is stored, and returns what is stored. */
    rememberTeamId: (teamId: string): Promise<TeamRecord> =>
      run(async () => {
        await documents().updateOne({ _id: "team", teamId: { $exists: false } }, { $set: { teamId } });
        return get();
      }),
  };
}
