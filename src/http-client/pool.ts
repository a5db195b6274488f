import { Agent, Pool } from "undici";
import type { FindProxy } from "./outbound-proxies.js";
import { createTunnelConnector } from "./tunnel.js";

export type PoolOptions = {
  /** Connections to one origin at most. */
  connections: number;
  /** For opening one connection, milliseconds. */
  connectTimeoutMs: number;
  /** How long an idle connection stays open unless the server says otherwise, milliseconds; 10,000 by default. */
  keepAliveMs?: number;
  /** The proxy for each origin; none by default. */
  findProxy?: FindProxy;
};

const toUndiciOptions = ({ connections, connectTimeoutMs, keepAliveMs = 10_000 }: PoolOptions) => ({
  connections,
  pipelining: 1,
  connect: { timeout: connectTimeoutMs },
  keepAliveTimeout: keepAliveMs,
  // `sendRequest` bounds the whole request.
  headersTimeout: 0,
  bodyTimeout: 0,
});

/** Creates the connections to one origin, such as `https://api.example.com`. */
export function createPool(origin: string, options: PoolOptions): Pool {
  const proxy = options.findProxy?.(origin) ?? null;
  return new Pool(origin, {
    ...toUndiciOptions(options),
    ...(proxy !== null && { connect: createTunnelConnector(proxy, options.connectTimeoutMs) }),
  });
}

/** Creates connections to any origin: each request names its own. */
export const createAgent = (options: PoolOptions): Agent =>
  new Agent({
    ...toUndiciOptions(options),
    factory: (origin) => createPool(new URL(origin).origin, options),
  });
