import { setTimeout as delay } from "node:timers/promises";
import mongoose, { type Connection } from "mongoose";
import { endsWithin } from "../core/deadline.js";
import { describeMongoFailure, type MongoFailure } from "./failure.js";
import { consistency } from "./mongo-url.js";
import { createOperations, type RunOperation } from "./operations.js";

export type MongoOptions = {
  url: string;
  /** How long an operation waits for a primary, milliseconds: longer than an election, shorter than a caller waits. */
  serverSelectionTimeoutMs: number;
  /** The limit for a server that is connected but not responding, milliseconds; 0 for no limit. */
  socketTimeoutMs: number;
  /** For opening a connection, and for the driver's own checks of a server, milliseconds; 5000 by default. */
  connectTimeoutMs?: number;
  maxPoolSize: number;
  appName: string;
  /** Called for every failed attempt to connect and for every failed operation. */
  onFailure?: (failure: MongoFailure) => void;
};

/** A connection, and the function that runs an operation on it. */
export type MongoAccess = { connection: Connection; run: RunOperation };

/** The wait after a failed attempt to connect for the first time, milliseconds. */
const connectRetryMs = 500;

/** How much longer than the driver's own timeouts an operation may take, milliseconds. */
const marginMs = 1_000;

/** How much longer than server selection an attempt to connect for the first time may take, milliseconds. */
const connectMarginMs = 5_000;

/** How long closing waits for the driver, which itself waits for operations on a frozen server, milliseconds. */
const closeTimeoutMs = 1_500;

/**
 * Creates a connection to MongoDB, which may start later: the connection retries in the background, and operations fail
 * until it succeeds. Reads and writes go to the primary with majority.
 */
export function createMongoConnection({ url, ...options }: MongoOptions): MongoAccess & {
  /** Resolves with the first connection; never rejects, and never resolves after `close`. */
  whenConnected: Promise<void>;
  /** Resolves with the failure of the first attempt to connect, or with `null` if it connected; never rejects. */
  whenFirstAttemptEnded: Promise<MongoFailure | null>;
  /** Rejects when MongoDB is not responding. */
  ping: () => Promise<void>;
  /** The last failure, for example the reason why there is no connection yet; `null` before the first one. */
  lastFailure: () => MongoFailure | null;
  close: () => Promise<void>;
} {
  const connection = mongoose.createConnection();
  const abort = new AbortController();
  connection.on("error", () => undefined);
  // Operations fail while there is no connection. A buffered operation would run after its caller got an error.
  Object.assign(connection.config as object, { bufferCommands: false, autoIndex: false, autoCreate: false });
  let connecting: mongoose.mongo.MongoClient | null = null;
  const { serverSelectionTimeoutMs, socketTimeoutMs } = options;
  const run = createOperations(
    socketTimeoutMs === 0 ? 0 : serverSelectionTimeoutMs + socketTimeoutMs + marginMs,
    // Before the first connection, the attempts to connect know the reason.
    (error) => {
      if (connection.db !== undefined) reportFailure(error);
    },
  );
  let lastFailure: MongoFailure | null = null;
  let resolveFirstFailure: (failure: MongoFailure) => void;
  const firstFailure = new Promise<MongoFailure>((resolve) => (resolveFirstFailure = resolve));

  function reportFailure(error: unknown): void {
    if (abort.signal.aborted) return;
    lastFailure = describeMongoFailure(error);
    resolveFirstFailure(lastFailure);
    options.onFailure?.(lastFailure);
  }

  /** One attempt with its own client, so that an attempt that hangs does not delay the next. */
  async function attempt(): Promise<void> {
    const client = new mongoose.mongo.MongoClient(url, {
      appName: options.appName,
      serverSelectionTimeoutMS: serverSelectionTimeoutMs,
      socketTimeoutMS: socketTimeoutMs,
      waitQueueTimeoutMS: serverSelectionTimeoutMs,
      connectTimeoutMS: options.connectTimeoutMs ?? 5_000,
      maxPoolSize: options.maxPoolSize,
      ...consistency,
    });
    connecting = client;
    try {
      const isInTime = await endsWithin(client.connect(), serverSelectionTimeoutMs + connectMarginMs);
      if (!isInTime) throw new Error("MongoDB did not respond in time");
      abort.signal.throwIfAborted();
      connection.setClient(client);
    } catch (error) {
      client.close(true).catch(() => undefined);
      throw error;
    } finally {
      connecting = null;
    }
  }

  async function connect(): Promise<void> {
    while (!abort.signal.aborted) {
      try {
        await attempt();
        return;
      } catch (error) {
        reportFailure(error);
        await delay(connectRetryMs, undefined, { signal: abort.signal }).catch(() => undefined);
      }
    }
    await new Promise(() => undefined);
  }

  async function closeConnection(): Promise<void> {
    await connecting?.close(true);
    await connection.close(true);
  }

  const whenConnected = connect();

  return {
    connection,
    whenConnected,
    whenFirstAttemptEnded: Promise.race([whenConnected.then(() => null), firstFailure]),
    run,
    ping: () =>
      run(async () => {
        if (connection.db === undefined) throw new Error("MongoDB has not responded yet");
        await connection.db.command({ ping: 1 });
      }),
    lastFailure: () => lastFailure,
    /** Always resolves, and soon. What the driver has not closed by then ends with the process. */
    async close() {
      abort.abort();
      await endsWithin(closeConnection(), closeTimeoutMs).catch(() => undefined);
    },
  };
}

export type MongoConnection = ReturnType<typeof createMongoConnection>;
