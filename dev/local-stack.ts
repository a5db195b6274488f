import { setTimeout as delay } from "node:timers/promises";
import { startEmbeddedServices } from "./embedded/services.js";
import type { Print } from "./embedded/server.js";
import { startIdentityProvider } from "./identity-provider/identity-provider.js";
import {
  createLocalSecrets,
  localAudience,
  toGatewaySettings,
  toMachineEnvironment,
  toServiceSettings,
  type LocalSecrets,
} from "./local-settings.js";
import { startProcess, type RunningProcess } from "./child-process.js";
import { programs } from "./programs.js";

const readyTimeoutMs = 15_000;

/** The running processes and their addresses. */
export type LocalStack = {
  secrets: LocalSecrets;
  mongodbUrl: string;
  gatewayUrl: string;
  gatewayAdminUrl: string;
  workerAdminUrl: string;
  vitalUrl: string;
  issuer: string;
  processes: readonly RunningProcess[];
};

type Closers = (() => Promise<unknown>)[];

/** Waits for all promises, then throws the first failure. By then, everything that did start has registered its closer. */
async function allSettled<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** A process listens before MongoDB is connected; it is usable once it reports that it is ready. */
async function whenReady(name: string, adminUrl: string): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    const response = await fetch(`${adminUrl}/readyz`);
    const { reason } = (await response.json()) as { reason?: string };
    if (response.ok) return;
    if (Date.now() > deadline) throw new Error(`the ${name} is not ready: ${reason ?? "unknown reason"}`);
    await delay(20);
  }
}

/**
 * Starts everything that a signup passes through: MongoDB and Redis, the Vital simulator, an identity provider, a gateway
 * and a worker. Each listens on a free port.
 *
 * @param options `print` is called with each line about where MongoDB and Redis come from. `closers` receives a
 * function for each resource when it is opened. The caller runs them in reverse order, even when this function throws.
 * @throws Error with a readable reason.
 */
export async function startLocalStack({
  print,
  env,
  closers,
}: {
  print: Print;
  env: NodeJS.ProcessEnv;
  closers: Closers;
}): Promise<LocalStack> {
  const secrets = createLocalSecrets();
  const machine = toMachineEnvironment(env);
  const processes: RunningProcess[] = [];

  async function start(name: "simulator" | "gateway" | "worker", settings: NodeJS.ProcessEnv) {
    const { args, startedMessage } = programs[name];
    const process = startProcess({ name, args, env: { ...machine, ...settings } });
    processes.push(process);
    closers.push(() => process.stop());
    const line = await process.whenLogged(startedMessage);
    if (typeof line.adminUrl === "string") await whenReady(name, line.adminUrl);
    return line;
  }
  async function opened<T>(opening: Promise<T>, close: (opened: T) => Promise<unknown>): Promise<T> {
    const value = await opening;
    closers.push(() => close(value));
    return value;
  }

  const [services, simulator, identity] = await allSettled([
    opened(startEmbeddedServices({ print, env }), (started) => started.stop()),
    start("simulator", { SIMULATOR_PORT: "0", SIMULATOR_API_KEY: secrets.apiKey }),
    opened(startIdentityProvider({ audience: localAudience }), (provider) => provider.close()),
  ]);
  const { mongodbUrl, redisUrl } = services;
  const vitalUrl = String(simulator.url);
  const addresses = { mongodbUrl, redisUrl, vitalUrl, issuer: identity.issuer };
  const settings = { ...toServiceSettings(addresses, secrets), ADMIN_PORT: "0" };
  const [gateway, worker] = await allSettled([
    start("gateway", { ...settings, ...toGatewaySettings(addresses, secrets), GATEWAY_PORT: "0" }),
    start("worker", settings),
  ]);
  return {
    secrets,
    mongodbUrl,
    gatewayUrl: String(gateway.url),
    gatewayAdminUrl: String(gateway.adminUrl),
    workerAdminUrl: String(worker.adminUrl),
    vitalUrl,
    issuer: identity.issuer,
    processes,
  };
}
