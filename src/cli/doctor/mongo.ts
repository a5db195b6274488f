import type { GatewayConfig } from "../../config/config.js";
import type { TeamRecord } from "../../core/vital/deployment.js";
import { createMongoConnection } from "../../mongo/connection.js";
import { createMappings } from "../../mongo/mappings.js";
import { createTeamRecords } from "../../mongo/team.js";
import { checkService, checkTimeoutMs, ok, problem, type Finding } from "./finding.js";

/** A standalone server has no majority: what it has acknowledged can be lost. `isdbgrid` is a sharded cluster. */
function checkReplicaSet({ setName, msg, isWritablePrimary }: Record<string, unknown>): Finding {
  const check = "MongoDB replica set";
  if (msg === "isdbgrid") return ok(check, "sharded cluster");
  if (typeof setName !== "string") {
    const fix = "start mongod with --replSet rs0, and run rs.initiate() once in mongosh";
    return problem(check, "a standalone server, without a replica set", fix);
  }
  return isWritablePrimary === true
    ? ok(check, setName)
    : problem(
        check,
        `the server is not the primary of ${setName}`,
        "remove directConnection from MONGODB_URL",
      );
}

/** Checks the connection and the indexes. Returns the recorded team as well, if there is one. */
export async function checkMongo({ mongodbUrl }: GatewayConfig) {
  let team = null as TeamRecord | null;
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway doctor",
    // Shorter than the check, so that the reason is known when it ends.
    serverSelectionTimeoutMs: checkTimeoutMs * 0.6,
    connectTimeoutMs: checkTimeoutMs * 0.5,
    socketTimeoutMs: checkTimeoutMs * 0.6,
    maxPoolSize: 2,
  });
  const fix = "check MONGODB_URL, and that MongoDB is running";
  let findings = await checkService("MongoDB", fix, async () => {
    const failure = await mongo.whenFirstAttemptEnded;
    if (failure !== null) return [problem("MongoDB", failure.reason, failure.fix)];
    const hello = await mongo.run(async () => mongo.connection.db?.command({ hello: 1 }));
    const missing = await createMappings(mongo).indexes.listMissing();
    team = await createTeamRecords(mongo).find();
    const indexes =
      missing.length === 0
        ? ok("indexes", "all exist")
        : problem("indexes", `missing: ${missing.join(", ")}`, "run vital-gateway migrate");
    return [ok("MongoDB", "responds"), checkReplicaSet(hello ?? {}), indexes];
  });
  // The reason of the driver says more than the error of an operation.
  const failure = mongo.lastFailure();
  if (failure !== null) findings = [problem("MongoDB", failure.reason, failure.fix)];
  await mongo.close();
  return { findings, team };
}
