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

/** The result of one check, with a suggested fix for a problem. */
type Finding = { check: string; ok: boolean; detail: string; fix?: string };

const timeoutMs = 5_000;
const log = createLogger({ level: "silent", process: "doctor" });
const now = () => new Date();

const ok = (check: string, detail: string): Finding => ({ check, ok: true, detail });
const problem = (check: string, detail: string, fix: string): Finding => ({ check, ok: false, detail, fix });

/** Runs the checks of one service within the timeout. A check that throws becomes a problem. */
async function checkService(
  service: string,
  fix: string,
  runChecks: () => Promise<Finding[]>,
): Promise<Finding[]> {
  const toTimeout = () => new Error(`no response within ${timeoutMs} ms`);
  return withDeadline(runChecks(), timeoutMs, toTimeout).catch((error: unknown) => [
    problem(service, error instanceof Error ? error.message : "no response", fix),
  ]);
}

async function checkMongo({ mongodbUrl }: GatewayConfig) {
  let team = null as TeamRecord | null;
  const mongo = createMongoConnection({
    url: mongodbUrl,
    appName: "vital-gateway doctor",
    serverSelectionTimeoutMs: timeoutMs,
    socketTimeoutMs: timeoutMs,
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

/** Waits for the first connection. Rejects with the first failure, which says more than a timeout. */
const whenReady = (redis: Redis) =>
  new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.once("error", reject);
  });

async function checkRedis({ redisUrl }: GatewayConfig): Promise<Finding[]> {
  const redis = createCommandConnection(redisUrl);
  const findings = await checkService("Redis", "check REDIS_URL, and that Redis is running", async () => {
    await whenReady(redis);
    const memory = await redis.info("memory");
    const persistence = await redis.info("persistence");
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1] ?? "unknown";
    const isKept = persistence.includes("aof_enabled:1");
    return [
      ok("Redis", "responds"),
      policy === "noeviction"
        ? ok("Redis eviction", policy)
        : problem("Redis eviction", policy, "set maxmemory-policy noeviction: jobs must not be evicted"),
      isKept
        ? ok("Redis persistence", "append-only file is on")
        : problem("Redis persistence", "append-only file is off", "set appendonly yes"),
    ];
  });
  redis.disconnect();
  return findings;
}

async function checkVital({ vital }: GatewayConfig) {
  let teamId = null as string | null;
  const client = createVitalClient(vital);
  const { environment, region } = vital.deployment;
  const fix = "check that VITAL_API_KEY is valid for this environment and region, and check VITAL_API_URL";
  const findings = await checkService("Vital", fix, async () => {
    teamId = (await client.findAnyUser())?.teamId ?? null;
    return [ok("Vital", `accepts the API key (${environment}, ${region})`)];
  });
  await client.close();
  return { findings, teamId };
}

/** Compares the team of the stored mappings with the team of the API key, as far as both are known. */
function compareTeam({ vital }: GatewayConfig, team: TeamRecord | null, teamId: string | null): Finding[] {
  if (team === null) return [];
  const fix = "use the API key of that team, environment and region, or another database";
  const [ofKey, ofMappings] = [formatDeployment(vital.deployment), formatDeployment(team)];
  if (ofKey !== ofMappings) {
    return [problem("team", `the key is for ${ofKey}, the mappings for ${ofMappings}`, fix)];
  }
  if (team.teamId === null || teamId === null) return [];
  return team.teamId === teamId
    ? [ok("team", `the mappings belong to it (${teamId})`)]
    : [problem("team", `the key belongs to team ${teamId}, the mappings to team ${team.teamId}`, fix)];
}

const issuerFix = "check AUTH_ISSUER (or AUTH_JWKS_URL), and that this machine can connect to it";

async function checkIssuer({ auth }: GatewayConfig): Promise<Finding[]> {
  const keySets = createKeySets({ policy: auth, log, now });
  const findings = await checkService("issuer", issuerFix, async () => {
    await keySets.refresh();
    return keySets
      .status()
      .map(({ issuer, keys, problem: reason }) =>
        reason === null
          ? ok("issuer", `${issuer}: ${keys} keys`)
          : problem("issuer", `${issuer}: ${reason}`, issuerFix),
      );
  });
  await keySets.close();
  return findings;
}

/** The maximum that is read from standard input. An access token is far smaller. */
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

async function checkToken({ auth }: GatewayConfig): Promise<Finding[]> {
  if (process.stdin.isTTY)
    process.stderr.write("Paste the access token, then press Ctrl-D on an empty line.\n");
  const token = await readToken();
  if (token === "") {
    return [
      problem(
        "format",
        "no token on standard input",
        "run vital-gateway doctor --token < file-with-the-token",
      ),
    ];
  }
  const keySets = createKeySets({ policy: auth, log, now });
  const authentication = createViewerAuthentication({ policy: auth, keySets, log, now });
  const findings = await authentication.explain(token);
  await authentication.close();
  return findings;
}

function report(findings: readonly Finding[], output: Output): number {
  const isOk = findings.every((finding) => finding.ok);
  output.result({ ok: isOk, findings }, () =>
    findings.flatMap((finding) => [
      `${finding.ok ? "ok  " : "FAIL"} ${finding.check}: ${finding.detail}`,
      ...(finding.ok || finding.fix === undefined ? [] : [`     → ${finding.fix}`]),
    ]),
  );
  return isOk ? 0 : 1;
}

const stdinHint =
  "The token is read from standard input: vital-gateway doctor --token < file-with-the-token\n";

/** A token that was typed after the option is already in the shell history. It must not reach a log as well. */
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
        error.problems.map((text) => problem("settings", text, "correct it in the environment")),
        output,
      );
    }
    const settings = ok("settings", "complete");
    if (options.token === true) return report(await checkToken(config), output);
    const [mongo, redis, vital, issuer] = await Promise.all([
      checkMongo(config),
      checkRedis(config),
      checkVital(config),
      checkIssuer(config),
    ]);
    const team = compareTeam(config, mongo.team, vital.teamId);
    return report([settings, ...mongo.findings, ...redis, ...vital.findings, ...team, ...issuer], output);
  },
};
