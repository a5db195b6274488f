import { randomBytes, randomUUID } from "node:crypto";
import mongoose from "mongoose";
import { afterAll } from "vitest";
import { toAppUserId, type AppUserId } from "../../src/core/mapping/app-user-id.js";
import { startIdentityProvider } from "../../dev/identity-provider/identity-provider.js";
import {
  createLocalSecrets,
  localAudience,
  toGatewaySettings,
  toMachineEnvironment,
  toServiceSettings,
} from "../../dev/local-settings.js";
import { startProcess, type RunningProcess } from "../../dev/child-process.js";
import { publishSignup } from "../../dev/publish-signup.js";
import { signIn } from "../../dev/sign-in.js";
import { toClientUserId } from "../../src/core/vital/client-user-id.js";
import { mappingCollection, type MappingDocument } from "../../src/mongo/mapping-document.js";
import { getBuild } from "./build.js";
import { waitUntil } from "./wait-until.js";

type Settings = Record<string, string>;

/** Returns an app user id, a new one by default. */
export function appUser(text = `u-${randomUUID()}`): AppUserId {
  const appUserId = toAppUserId(text);
  if (appUserId === null) throw new Error(`"${text}" is not a valid app user id`);
  return appUserId;
}

/** Starts a process of the built product with these settings and no others. */
const startBuiltProcess = (
  build: string,
  script: string,
  args: readonly string[],
  settings: Settings,
): RunningProcess =>
  startProcess({
    name: args[0] ?? script,
    args: [`${build}/${script}`, ...args],
    env: { ...toMachineEnvironment(process.env), ...settings },
    maxLines: Infinity,
  });

/** Reads `/readyz` of an admin address. Returns `true`, or the reason why the process is not ready. */
async function readReadiness(adminUrl: string): Promise<true | string> {
  const response = await fetch(`${adminUrl}/readyz`);
  const { reason } = (await response.json()) as { reason?: string };
  return response.ok ? true : (reason ?? "");
}

/** A gateway or worker process with its addresses. */
export type Service = RunningProcess & {
  url: string;
  adminUrl: string;
  whenReady(timeoutMs?: number): Promise<void>;
};

type LedgerUser = { vitalUserId: string; clientUserId: string; deletedAt: string | null };

/** Returns functions that read and control the simulator process. */
function createSimulatorControl(url: string) {
  const read = async (path: string) => (await fetch(`${url}/__simulator/${path}`)).json();
  return {
    url,
    /** Returns every user ever created for these app users, including deleted ones. */
    async ledger(appUserIds?: readonly AppUserId[]): Promise<LedgerUser[]> {
      const { users } = (await read("ledger")) as { users: LedgerUser[] };
      const wanted = appUserIds === undefined ? null : new Set(appUserIds.map(toClientUserId));
      return users.filter(({ clientUserId }) => wanted?.has(clientUserId) ?? true);
    },
    async fault(fault: object): Promise<void> {
      await fetch(`${url}/__simulator/faults`, { method: "POST", body: JSON.stringify(fault) });
    },
    async clearFaults(): Promise<void> {
      await fetch(`${url}/__simulator/faults`, { method: "DELETE" });
    },
  };
}

export type GraphqlResponse = {
  status: number;
  text: string;
  data?: { vitalSignInToken?: { userId: string; signInToken: string } } | null;
  errors?: {
    message: string;
    extensions: { code: string; retryable: boolean; retryAfterSeconds?: number };
  }[];
};

export const tokenMutation = "mutation { vitalSignInToken { userId signInToken environment region } }";

/**
 * Runs the product's processes as an operator does, with one MongoDB and one Redis. The simulator and an identity provider
 * start immediately; `start` and `startReady` start gateways and workers. Call it at the top level of a file: everything
 * is stopped after its tests.
 */
export async function startStack({
  mongodbUrl,
  redisUrl,
  settings = {},
}: {
  mongodbUrl: string;
  redisUrl: string;
  /** Added to the settings that connect the processes with each other. */
  settings?: Settings;
}) {
  const secrets = createLocalSecrets();
  const bearerToken = randomBytes(24).toString("hex");
  const processes: RunningProcess[] = [];
  afterAll(async () => {
    await Promise.all(processes.map((running) => running.stop()));
    await identity.close();
    await mongo.close();
  });

  const identity = await startIdentityProvider({ audience: localAudience });
  const mongo = new mongoose.mongo.MongoClient(mongodbUrl, { serverSelectionTimeoutMS: 20_000 });
  const build = await getBuild();
  const simulatorSettings = { SIMULATOR_PORT: "0", SIMULATOR_API_KEY: secrets.apiKey };
  const simulator = startBuiltProcess(build, "simulator/main.js", [], simulatorSettings);
  processes.push(simulator);
  const vital = createSimulatorControl(String((await simulator.whenLogged("simulator listening")).url));

  const addresses = { mongodbUrl, redisUrl, vitalUrl: vital.url, issuer: identity.issuer };
  const all = {
    ...toServiceSettings(addresses, secrets),
    ...toGatewaySettings(addresses, secrets),
    EVENTS_BEARER_TOKENS: bearerToken,
    GATEWAY_PORT: "0",
    ADMIN_PORT: "0",
    ...settings,
  } as Settings;

  async function start(kind: "gateway" | "worker", more: Settings = {}): Promise<Service> {
    const running = startBuiltProcess(build, "src/cli.js", [kind], { ...all, ...more });
    processes.push(running);
    const line = await running.whenLogged(kind === "gateway" ? "gateway listening" : "worker started");
    const [url, adminUrl] = [String(line.url), String(line.adminUrl)];
    return {
      ...running,
      url,
      adminUrl,
      async whenReady(timeoutMs = 10_000) {
        await waitUntil(
          `the ${kind} is ready`,
          async () => (await readReadiness(adminUrl)) === true,
          timeoutMs,
        );
      },
    };
  }
  /** Starts a process and waits until it is ready. */
  async function startReady(kind: "gateway" | "worker", more?: Settings): Promise<Service> {
    const service = await start(kind, more);
    await service.whenReady();
    return service;
  }

  const findMapping = (appUserId: AppUserId) =>
    mongo.db().collection<MappingDocument>(mappingCollection).findOne({ _id: appUserId });

  return {
    settings: all,
    secrets: { ...secrets, bearerToken },
    issuer: identity.issuer,
    mongo: mongo.db(),
    vital,
    processes: processes as readonly RunningProcess[],
    start,
    startReady,

    /** Runs a command of `vital-gateway` until it exits, with these settings and no others. */
    async run(args: readonly string[], commandSettings: Settings = {}) {
      const running = startBuiltProcess(build, "src/cli.js", args, commandSettings);
      const { code } = await running.exited;
      return { code, output: running.lines().join("\n") };
    },

    findMapping,

    publish: (gateway: Service, appUserId: AppUserId, type?: "user.created" | "user.deleted") =>
      publishSignup({
        gatewayUrl: gateway.url,
        signingSecret: secrets.signingSecret,
        appUserId,
        ...(type !== undefined && { type }),
      }),

    /** Returns an access token for the user from the identity provider. */
    signIn: async (appUserId: AppUserId): Promise<string> =>
      (await signIn({ issuer: identity.issuer, audience: localAudience, appUserId })).accessToken,

    async whenActive(appUserIds: readonly AppUserId[], timeoutMs = 20_000): Promise<void> {
      const active = () =>
        mongo
          .db()
          .collection<MappingDocument>(mappingCollection)
          .countDocuments({ _id: { $in: [...appUserIds] }, state: "active" });
      await waitUntil(
        "all mappings are active",
        async () => (await active()) === appUserIds.length,
        timeoutMs,
      );
    },
  };
}

/** Sends a GraphQL request to a gateway as an app does; by default the token mutation. */
export async function sendGraphql(
  gateway: Service,
  accessToken: string,
  query = tokenMutation,
): Promise<GraphqlResponse> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  return { ...(JSON.parse(text) as object), status: response.status, text };
}

/** Returns the code of the first error, or `null`. */
export const errorCode = ({ errors }: GraphqlResponse): string | null => errors?.[0]?.extensions.code ?? null;
