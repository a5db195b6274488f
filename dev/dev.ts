/**
 * `npm run dev`: runs the gateway, a worker, the simulator and the identity provider on the default ports, with embedded
 * MongoDB and Redis. Each process restarts when one of its source files is saved.
 */
import { ConfigError, createSettingsReader } from "../src/config/settings-reader.js";
import { logLevels } from "../src/telemetry/logger.js";
import { startEmbeddedServices } from "./embedded/services.js";
import { watchNpm } from "./watch-npm.js";
import {
  createLocalSecrets,
  localAudience,
  toGatewaySettings,
  toMachineEnvironment,
  toServiceSettings,
} from "./local-settings.js";
import { toAbsolutePath, programs, type ProgramName } from "./programs.js";
import { watchFiles } from "./watch-files.js";
import { startRestartable, type RestartableProcess } from "./restartable-process.js";

const reader = createSettingsReader(process.env);
const readPort = (name: string, port: number) =>
  String(reader.integer(name, { default: port, min: 1, max: 65_535 }));
const ports = {
  gateway: readPort("GATEWAY_PORT", 4000),
  gatewayAdmin: "9464",
  workerAdmin: "9465",
  vital: readPort("SIMULATOR_PORT", 8765),
  identity: readPort("IDENTITY_PORT", 8766),
};
const localSdk = process.env.SIMULATOR_LOCAL_SDK ?? "";
const logLevel = reader.choice("LOG_LEVEL", logLevels, "info");
const toLocalUrl = (port: string) => `http://127.0.0.1:${port}`;

/** The source folders of each process. */
const sourceFolders: Record<ProgramName, readonly string[]> = {
  simulator: ["simulator"],
  identity: ["dev"],
  gateway: ["src", "schema"],
  worker: ["src", "workers"],
};

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** Returns the settings of each process. `LOG_LEVEL`, `SIMULATOR_LOCAL_SDK` and the ports can be set in the terminal. */
function toSettings(services: {
  mongodbUrl: string;
  redisUrl: string;
}): Record<ProgramName, NodeJS.ProcessEnv> {
  const secrets = createLocalSecrets();
  const addresses = { ...services, vitalUrl: toLocalUrl(ports.vital), issuer: toLocalUrl(ports.identity) };
  const machine = toMachineEnvironment(process.env);
  const shared = {
    ...machine,
    ...toServiceSettings(addresses, secrets),
    LOG_LEVEL: logLevel,
  };
  return {
    simulator: {
      ...machine,
      SIMULATOR_PORT: ports.vital,
      SIMULATOR_API_KEY: secrets.apiKey,
      SIMULATOR_LOCAL_SDK: localSdk,
    },
    identity: { ...machine, IDENTITY_PORT: ports.identity },
    gateway: {
      ...shared,
      ...toGatewaySettings(addresses, secrets),
      GATEWAY_PORT: ports.gateway,
      ADMIN_PORT: ports.gatewayAdmin,
    },
    worker: { ...shared, ADMIN_PORT: ports.workerAdmin },
  };
}

async function main(): Promise<void> {
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  const stopRequested = new Promise<void>((resolve) => {
    const stop = () => {
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    process.stdout.on("error", stop);
    watchNpm(process.env, stop);
  });

  const services = await startEmbeddedServices({ print, env: process.env });
  const settings = toSettings(services);
  const names = Object.keys(programs) as ProgramName[];
  const running = new Map<ProgramName, RestartableProcess>(
    names.map((name) => [
      name,
      startRestartable({ name, args: programs[name].args, env: settings[name], print }),
    ]),
  );
  const watcher = watchFiles(toAbsolutePath("."), Object.values(sourceFolders).flat(), (saved) => {
    for (const [name, process] of running) {
      const isPartOf = (file: string) => sourceFolders[name].some((folder) => file.startsWith(`${folder}/`));
      if (saved.some(isPartOf)) process.restart();
    }
  });

  print(`GraphQL explorer ${toLocalUrl(ports.gateway)}/graphql`);
  print(
    `events           ${toLocalUrl(ports.gateway)}/v1/events, signed with ${settings.gateway.EVENTS_SIGNING_SECRETS ?? ""}`,
  );
  print(
    `metrics          ${toLocalUrl(ports.gatewayAdmin)}/metrics, ${toLocalUrl(ports.workerAdmin)}/metrics`,
  );
  print(`users in Vital   ${toLocalUrl(ports.vital)}/__simulator/ledger`);
  print(`OpenID issuer    ${toLocalUrl(ports.identity)}, audience ${localAudience}`);
  print(`MongoDB, Redis   ${services.mongodbUrl}, ${services.redisUrl}`);

  await stopRequested;
  watcher.close();
  await Promise.all([...running.values()].map((process) => process.stop()));
  await services.stop();
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
