import { join } from "node:path";
import { request } from "undici";
import { findFreePort } from "../../../dev/embedded/ports.js";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";
import { createProductProcess, type ProcessSupervisor, type ProductProcess } from "./product-process.js";

export type Service = "redis" | "mongo" | "vital";

/** A gateway or worker process, with a proxy to each service that it uses. */
export type Member = {
  name: string;
  role: "gateway" | "worker";
  process: ProductProcess;
  /** `null` if there is no proxy, because a client of a replica set connects to the addresses that the set announces. */
  proxies: Record<Service, TcpProxy | null>;
  /** Whether the process has loaded its code and handles signals. */
  isUp: () => Promise<boolean>;
  /** Whether the process can also do its work. */
  isReady: () => Promise<boolean>;
  /** A gateway's base URL for clients. */
  url: string;
};

export type FleetOptions = {
  gateways: number;
  workers: number;
  /** Path of the product's command-line script. */
  cli: string;
  mongo: { port: number; url: string };
  redisPort: number;
  vitalPort: number;
  /** Environment variables that all processes share. */
  env: Record<string, string>;
  logFolder: string;
  supervisor: ProcessSupervisor;
};

async function respondsWith200(url: string): Promise<boolean> {
  const response = await request(url).catch(() => null);
  await response?.body.dump();
  return response?.statusCode === 200;
}

/**
 * Every second process connects to MongoDB as in production, through the replica set. The others connect directly to one
 * address, so that a proxy can cut the connection.
 */
async function startProxies({ mongo, redisPort, vitalPort }: FleetOptions, isDirect: boolean) {
  return {
    redis: await startTcpProxy(redisPort),
    mongo: isDirect ? await startTcpProxy(mongo.port) : null,
    vital: await startTcpProxy(vitalPort),
  };
}

async function startMember(options: FleetOptions, role: Member["role"], number: number): Promise<Member> {
  const name = `${role}-${number}`;
  const proxies = await startProxies(options, number % 2 === 0);
  const [adminPort, port] = [await findFreePort(), await findFreePort()];
  const { mongo, env, logFolder, supervisor } = options;
  const process = createProductProcess(
    {
      name,
      args: [options.cli, role],
      env: {
        ...env,
        MONGODB_URL:
          proxies.mongo === null
            ? mongo.url
            : `mongodb://127.0.0.1:${proxies.mongo.port}/vital_gateway?directConnection=true`,
        REDIS_URL: `redis://127.0.0.1:${proxies.redis.port}`,
        VITAL_API_URL: `http://127.0.0.1:${proxies.vital.port}`,
        ADMIN_PORT: String(adminPort),
        GATEWAY_PORT: String(port),
        GATEWAY_HOST: "127.0.0.1",
      },
      logPath: join(logFolder, `${name}.log`),
    },
    supervisor,
  );
  process.start();
  const probe = (path: string) => () => respondsWith200(`http://127.0.0.1:${adminPort}${path}`);
  const url = `http://127.0.0.1:${port}`;
  return { name, role, process, proxies, isUp: probe("/livez"), isReady: probe("/readyz"), url };
}

/** Starts gateways and workers, each with its own proxies. */
export async function startFleet(options: FleetOptions) {
  const start = (role: Member["role"], count: number) =>
    Promise.all(Array.from({ length: count }, (_, number) => startMember(options, role, number)));
  const gateways = await start("gateway", options.gateways);
  const workers = await start("worker", options.workers);
  const members: readonly Member[] = [...gateways, ...workers];

  return {
    members,
    gateways,
    isReady: async () => (await Promise.all(members.map(({ isReady }) => isReady()))).every(Boolean),
    async close(): Promise<void> {
      await Promise.all(members.map(({ process }) => process.close()));
      for (const { proxies } of members) {
        for (const proxy of Object.values(proxies)) await proxy?.close();
      }
    },
  };
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>;
