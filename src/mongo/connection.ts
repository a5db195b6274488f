import { setTimeout as delay } from "node:timers/promises";
import mongoose, { type Connection } from "mongoose";
import { endsWithin } from "../core/deadline.js";
import { createOperations, type RunOperation } from "./operations.js";

export type MongoOptions = {
  url: string;
  /** How long an operation waits for a primary, milliseconds: an election should fit in, a caller's patience too. */
  serverSelectionTimeoutMs: number;
  /** The bound on a server that is there but does not answer, milliseconds; 0 for none. */
  socketTimeoutMs: number;
  /** For opening a connection, and for the driver's own look at a server, milliseconds; 5000 unless told. */
  connectTimeoutMs?: number;
  maxPoolSize: number;
  appName: string;
};

/** A connection, and the way to run an operation on it. */
export type MongoAccess = { connection: Connection; run: RunOperation };

/** How often a first connection that failed is tried again, milliseconds. */
const connectRetryMs = 500;

/** What an operation may take beyond the driver's own time-outs before it is given up, milliseconds. */
const marginMs = 1_000;

/** What a first connection may take beyond finding the server before it is given up, milliseconds. */
const connectMarginMs = 5_000;

/** The longest that closing waits for the driver, which sees operations to their end at a server that is frozen. */
const closeTimeoutMs = 1_500;

/**
 * A connection to MongoDB that may be asked for before MongoDB is there: it keeps trying in the background, and
 * operations fail until then. Reads and writes go to the primary with majority.
 */
export function createMongoConnection({ url, ...options }: MongoOptions): MongoAccess & {
  /** Resolves with the first connection; never rejects, and never resolves after `close`. */
  whenConnected: Promise<void>;
  /** Rejects when MongoDB does not answer. */
  ping: () => Promise<void>;
  close: () => Promise<void>;
} {
  const connection = mongoose.createConnection();
  const abort = new AbortController();
  connection.on("error", () => undefined);
  // Operations fail while there is no connection: kept back, they would be carried out after they were given up.
  Object.assign(connection.config as object, { bufferCommands: false, autoIndex: false, autoCreate: false });
  let connecting: mongoose.mongo.MongoClient | null = null;
  const { serverSelectionTimeoutMs, socketTimeoutMs } = options;
  const run = createOperations(
    socketTimeoutMs === 0 ? 0 : serverSelectionTimeoutMs + socketTimeoutMs + marginMs,
  );

  /** One attempt, on a client of its own: one that hangs is left behind, and does not hold up the next. */
  async function attempt(): Promise<void> {
    const client = new mongoose.mongo.MongoClient(url, {
      appName: options.appName,
      serverSelectionTimeoutMS: serverSelectionTimeoutMs,
      socketTimeoutMS: socketTimeoutMs,
      waitQueueTimeoutMS: serverSelectionTimeoutMs,
      connectTimeoutMS: options.connectTimeoutMs ?? 5_000,
      maxPoolSize: options.maxPoolSize,
      readConcern: { level: "majority" },
      readPreference: "primary",
      writeConcern: { w: "majority", wtimeoutMS: 5_000 },
    });
    connecting = client;
    try {
      const isInTime = await endsWithin(client.connect(), serverSelectionTimeoutMs + connectMarginMs);
      if (!isInTime) throw new Error("MongoDB did not answer in time");
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
      } catch {
        await delay(connectRetryMs, undefined, { signal: abort.signal }).catch(() => undefined);
      }
    }
    await new Promise(() => undefined);
  }

  async function closeConnection(): Promise<void> {
    await connecting?.close(true);
    await connection.close(true);
  }

  return {
    connection,
    whenConnected: connect(),
    run,
    ping: () =>
      run(async () => {
        if (connection.db === undefined) throw new Error("MongoDB has not answered yet");
        await connection.db.command({ ping: 1 });
      }),
    /** Resolves in any case and soon; what the driver has not closed by then ends with the process. */
    async close() {
      abort.abort();
      await endsWithin(closeConnection(), closeTimeoutMs).catch(() => undefined);
    },
  };
}

export type MongoConnection = ReturnType<typeof createMongoConnection>;
