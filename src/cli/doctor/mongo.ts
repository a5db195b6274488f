import type { GatewayConfig } from "../../config/config.js";
import type { TeamRecord } from "../../core/vital/deployment.js";
import { createMongoConnection } from "../../mongo/connection.js";
import { createMappings } from "../../mongo/mappings.js";
import { createTeamRecords } from "../../mongo/team.js";
import { checkService, checkTimeoutMs, ok, problem } from "./finding.js";

/** Checks the connection and the indexes. Returns the recorded team as well, if there is one. */
export async function checkMongo({ mongodbUrl }: GatewayConfig) {
  let team = null as TeamRecord | null;
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway doctor",
    serverSelectionTimeoutMs: checkTimeoutMs,
    socketTimeoutMs: checkTimeoutMs,
    maxPoolSize: 2,
  });
  const fix = "check MONGODB_URL, and that MongoDB is running";
  const findings = await checkService("MongoDB", fix, async () => {
    await mongo.whenConnected;
    const missing = await createMappings(mongo).indexes.listMissing();
    team = await createTeamRecords(mongo).find();
    const indexes =
      missing.length === 0
        ? ok("indexes", "all exist")
        : problem("indexes", `missing: ${missing.join(", ")}`, "run vital-gateway migrate");
    return [ok("MongoDB", "responds"), indexes];
  });
  await mongo.close();
  return { findings, team };
}
