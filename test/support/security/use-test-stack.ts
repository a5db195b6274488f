import { afterAll, beforeAll, onTestFinished } from "vitest";
import { createTestDatabase, createTestRedis } from "../services.js";
import { startTeam, type Team } from "./test-stack.js";

/** A team of one test's own. */
export async function startOwnTeam(overrides: { redisUrl?: string } = {}): Promise<Team> {
  const redisUrl = overrides.redisUrl ?? (await createTestRedis());
  const team = await startTeam({ mongodbUrl: createTestDatabase(), redisUrl });
  onTestFinished(() => team.close());
  return team;
}

/** One team for all tests of a file; called at its top. */
export function useTeam(): () => Team {
  const mongodbUrl = createTestDatabase();
  let team: Team | null = null;
  beforeAll(async () => {
    team = await startTeam({ mongodbUrl, redisUrl: await createTestRedis() });
  });
  afterAll(async () => {
    await team?.close();
  });
  return () => {
    if (team === null) throw new Error("the team is asked for before the tests begin");
    return team;
  };
}
