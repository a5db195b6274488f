import { Agent, Pool } from "undici";

export type PoolOptions = {
  /** Connections to one origin at most. */
  connections: number;
  /** For opening one connection, milliseconds. */
  connectTimeoutMs: number;
  /** How long an idle connection stays open unless the server says otherwise, milliseconds; 10,000 by default. */
  keepAliveMs?: number;
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
export const createPool = (origin: string, options: PoolOptions): Pool =>
  new Pool(origin, toUndiciOptions(options));

/** Creates connections to any origin: each request names its own. */
export const createAgent = (options: PoolOptions): Agent => new Agent(toUndiciOptions(options));
