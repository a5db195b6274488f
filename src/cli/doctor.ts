import type { Redis } from "ioredis";
import { readGatewayConfig, type GatewayConfig } from "../config/config.js";
import { withDeadline } from "../core/deadline.js";
import { formatDeployment, type TeamRecord } from "../core/vital/deployment.js";
import { createKeySets } from "../auth/keys/key-sets.js";
import { createViewerAuthentication } from "../auth/viewer-authentication.js";
import { createMongoConnection } from "../mongo/connection.js";
import { createMappings } from "../mongo/mappings.js";
import { createTeamRecords } from "../mongo/team.js";
import { createCommandConnection } from "../queue/redis-connection.js";
import { createLogger } from "../telemetry/logger.js";
import { createVitalClient } from "../vital/vital-client.js";
import { ConfigError } from "../config/settings-reader.js";
import type { CliCommand, Output } from "./command.js";

/** One thing looked at: whether it is well, what was seen, and what to do where it is not. */
type Finding = { check: string; ok: boolean; detail: string; mend?: string };

const patienceMs = 5_000;
const log = createLogger({ level: "silent", process: "doctor" });
const now = () => new Date();

const well = (check: string, detail: string): Finding => ({ check, ok: true, detail });
const ill = (check: string, detail: string, mend: string): Finding => ({ check, ok: false, detail, mend });

/** Runs a look at something that may not answer at all. */
async function look(check: string, mend: string, findings: () => Promise<Finding[]>): Promise<Finding[]> {
  const toSilence = () => new Error(`no answer within ${patienceMs} ms`);
  return withDeadline(findings(), patienceMs, toSilence).catch((error: unknown) => [
    ill(check, error instanceof Error ? error.message : "no answer", mend),
  ]);
}

async function examineMongo({ mongodbUrl }: GatewayConfig) {
  let team = null as TeamRecord | null;
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway doctor",
    serverSelectionTimeoutMs: patienceMs,
    socketTimeoutMs: patienceMs,
    maxPoolSize: 2,
  });
  const mend = "is MONGODB_URL right, and is MongoDB running?";
  const findings = await look("MongoDB", mend, async () => {
    await mongo.whenConnected;
    const missing = await createMappings(mongo).listMissingIndexes();
    team = await createTeamRecords(mongo).find();
    const indexes =
      missing.length === 0
        ? well("indexes", "all exist")
        : ill("indexes", `missing: ${missing.join(", ")}`, "run vital-gateway migrate");
    return [well("MongoDB", "answers"), indexes];
  });
  await mongo.close();
  return { findings, team };
}

/** Waits for the first connection; gives up on the first failure, which says more than silence. */
const whenReady = (redis: Redis) =>
  new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.once("error", reject);
  });

async function examineRedis({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createCommandConnection(redisUrl);
  const findings = await look("Redis", "is REDIS_URL right, and is Redis running?", async () => {
    await whenReady(redis);
    const memory = await redis.info("memory");
    const persistence = await redis.info("persistence");
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1] ?? "unknown";
    const isKept = persistence.includes("aof_enabled:1");
    return [
      well("Redis", "answers"),
      policy === "noeviction"
        ? well("Redis eviction", policy)
        : ill("Redis eviction", policy, "set maxmemory-policy noeviction: jobs must not be evicted"),
      isKept
        ? well("Redis persistence", "append-only file is on")
        : ill("Redis persistence", "append-only file is off", "set appendonly yes"),
    ];
  });
  redis.disconnect();
  return findings;
}

async function examineVital({ vital }: GatewayConfig) {
  let teamId = null as string | null;
  const client = createVitalClient(vital);
  const { environment, region } = vital.deployment;
  const mend = "is VITAL_API_KEY valid for this environment and region, and VITAL_API_URL right?";
  const findings = await look("Vital", mend, async () => {
    teamId = (await client.findAnyUser())?.teamId ?? null;
    return [well("Vital", `takes the key (${environment}, ${region})`)];
  });
  await client.close();
  return { findings, teamId };
}

/** Compares whose mappings the database holds with whose key this is, as far as both are known. */
function compareTeam({ vital }: GatewayConfig, team: TeamRecord | null, teamId: string | null): Finding[] {
  if (team === null) return [];
  const mend = "use the key of that team, environment and region, or another database";
  const [ofKey, ofMappings] = [formatDeployment(vital.deployment), formatDeployment(team)];
  if (ofKey !== ofMappings) {
    return [ill("team", `the key is for ${ofKey}, the mappings for ${ofMappings}`, mend)];
  }
  if (team.teamId === null || teamId === null) return [];
  return team.teamId === teamId
    ? [well("team", `the mappings belong to it (${teamId})`)]
    : [ill("team", `the key belongs to team ${teamId}, the mappings to team ${team.teamId}`, mend)];
}

const issuerMend = "is AUTH_ISSUER (or AUTH_JWKS_URL) right, and can it be reached from here?";

async function examineIssuer({ auth }: GatewayConfig): Promise<Finding[]> {
  const keySets = createKeySets({ policy: auth, log, now });
  const findings = await look("issuer", issuerMend, async () => {
    await keySets.refresh();
    return keySets
      .status()
      .map(({ issuer, keys, problem }) =>
        problem === null
          ? well("issuer", `${issuer}: ${keys} keys`)
          : ill("issuer", `${issuer}: ${problem}`, issuerMend),
      );
  });
  await keySets.close();
  return findings;
}

/** The most of standard input that is read: an access token is far smaller. */
const maxTokenBytes = 64 * 1024;

async function readToken(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > maxTokenBytes) break;
  }
  const line = text.trim().replace(/^"(.*)"$/s, "$1");
  return line.replace(/^(?:authorization:\s*)?(?:bearer\s+)?/i, "");
}

async function examineToken({ auth }: GatewayConfig): Promise<Finding[]> {
  if (process.stdin.isTTY)
    process.stderr.write("Paste the access token, then press Ctrl-D on an empty line.\n");
  const token = await readToken();
  if (token === "") {
    return [
      ill(
        "form",
        "no token on standard input",
        "pipe it: vital-gateway doctor --token < file-with-the-token",
      ),
    ];
  }
  const keySets = createKeySets({ policy: auth, log, now });
  const authentication = createViewerAuthentication({ policy: auth, keySets, log, now });
  const checks = await authentication.explain(token);
  await authentication.close();
  return checks.map(({ fix, ...check }) => ({ ...check, ...(fix !== undefined && { mend: fix }) }));
}

function report(findings: readonly Finding[], output: Output): number {
  const ok = findings.every((finding) => finding.ok);
  output.result({ ok, findings }, () =>
    findings.flatMap(({ check, ok: isWell, detail, mend }) => [
      `${isWell ? "ok  " : "FAIL"} ${check}: ${detail}`,
      ...(isWell || mend === undefined ? [] : [`     → ${mend}`]),
    ]),
  );
  return ok ? 0 : 1;
}

const stdinHint =
  "The token is read from standard input: vital-gateway doctor --token < file-with-the-token\n";

/** Whoever writes the token behind the option has it in the history of the shell; it need not be in a log as well. */
const hideValues = (error: string): string => error.replace(/(=)\S+|\S{40,}/g, "$1…");

export const doctorCommand: CliCommand = {
  declare: (command) =>
    command.option("--token", "read one access token from standard input and check it").configureOutput({
      outputError: (error, write) => {
        write(`${hideValues(error)}${stdinHint}`);
      },
    }),
  async run({ options, output }) {
    let config: GatewayConfig;
    try {
      config = readGatewayConfig();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return report(
        error.problems.map((problem) => ill("settings", problem, "set it so in the environment")),
        output,
      );
    }
    const settings = well("settings", "complete");
    if (options.token === true) return report(await examineToken(config), output);
    const [mongo, redis, vital, issuer] = await Promise.all([
      examineMongo(config),
      examineRedis(config),
      examineVital(config),
      examineIssuer(config),
    ]);
    const team = compareTeam(config, mongo.team, vital.teamId);
    return report([settings, ...mongo.findings, ...redis, ...vital.findings, ...team, ...issuer], output);
  },
};
