import { join } from "node:path";
import { request } from "undici";
import { findFreePort } from "../../../dev/embedded/ports.js";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";
import { createProductProcess, type ProcessSupervisor, type ProductProcess } from "./product-process.js";

export type Service = "redis" | "mongo" | "vital";

/** A process of the product with its ways to what it needs. */
export type Member = {
  name: string;
  role: "gateway" | "worker";
  process: ProductProcess;
  /** `null` where it goes straight: a client that follows a replica set goes to the address that the set names. */
  proxies: Record<Service, TcpProxy | null>;
  /** Whether it has loaded its code and listens to signals. */
  isUp: () => Promise<boolean>;
  /** Whether it can do its work as well. */
  isReady: () => Promise<boolean>;
  /** Where a gateway serves its clients. */
  url: string;
};

export type FleetOptions = {
  gateways: number;
  workers: number;
  /** The product's executable. */
  cli: string;
  mongo: { port: number; url: string };
  redisPort: number;
  vitalPort: number;
  /** What all of them have in common. */
  env: Record<string, string>;
  logFolder: string;
  supervisor: ProcessSupervisor;
};

async function respondsWith200(url: string): Promise<boolean> {
  const answer = await request(url).catch(() => null);
  await answer?.body.dump();
  return answer?.statusCode === 200;
}

/**
 * Every other process finds MongoDB as in production, by the replica set; the others are told one address, so that
 * their link can be cut.
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
  const ask = (path: string) => () => respondsWith200(`http://127.0.0.1:${adminPort}${path}`);
  const url = `http://127.0.0.1:${port}`;
  return { name, role, process, proxies, isUp: ask("/livez"), isReady: ask("/readyz"), url };
}

/** Starts gateways and workers, each with links of its own. */
export async function startFleet(options: FleetOptions) {
  const start = (role: Member["role"], count: number) =>
    Promise.all(Array.from({ length: count }, (_, number) => startMember(options, role, number)));
  const gateways = await start("gateway", options.gateways);
  const workers = await start("worker", options.workers);
  const members: readonly Member[] = [...gateways, ...workers];

  return {
    members,
    gateways: gateways,
    isReady: async () => (await Promise.all(members.map(({ isReady }) => isReady()))).every(Boolean),
    async close(): Promise<void> {
      await Promise.all(members.map(({ process }) => process.close()));
      for (const { proxies } of members) {
        for (const link of Object.values(proxies)) await link?.close();
      }
    },
  };
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>;
