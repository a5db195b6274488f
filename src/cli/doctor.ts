import { readGatewayConfig, type GatewayConfig } from "../config/config.js";
import { ConfigError } from "../config/settings-reader.js";
import type { Clock } from "../core/clock.js";
import type { CliCommand, Output } from "./command.js";
import { ok, problem, type Finding } from "./doctor/finding.js";
import { checkIssuer } from "./doctor/issuer.js";
import { checkMongo } from "./doctor/mongo.js";
import { checkQueues } from "./doctor/queues.js";
import { checkRedis } from "./doctor/redis.js";
import { checkToken } from "./doctor/token.js";
import { checkVital, compareTeam } from "./doctor/vital.js";

const now: Clock = () => new Date();

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
      const findings = error.problems.map((text) =>
        problem("settings", text, "correct it in the environment"),
      );
      return report([...findings, ...error.notes.map((text) => ok("settings", text))], output);
    }
    const settings = ok("settings", ["complete", ...config.notes].join("; "));
    if (options.token === true) return report(await checkToken(config, now), output);
    const [mongo, redis, queues, vital, issuer] = await Promise.all([
      checkMongo(config),
      checkRedis(config),
      checkQueues(config),
      checkVital(config),
      checkIssuer(config, now),
    ]);
    const team = compareTeam(config, mongo.team, vital.teamId);
    return report(
      [settings, ...mongo.findings, ...redis, ...queues, ...vital.findings, ...team, ...issuer],
      output,
    );
  },
};
