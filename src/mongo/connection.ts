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
  const { serverSelectionTimeoutMs, socketTimeoutMs } = options;
  const run = createOperations(
    socketTimeoutMs === 0 ? 0 : serverSelectionTimeoutMs + socketTimeoutMs + marginMs,
  );

  async function connect(): Promise<void> {
    while (!abort.signal.aborted) {
      try {
        await connection.openUri(url, {
          appName: options.appName,
          serverSelectionTimeoutMS: serverSelectionTimeoutMs,
          socketTimeoutMS: socketTimeoutMs,
          waitQueueTimeoutMS: serverSelectionTimeoutMs,
          connectTimeoutMS: options.connectTimeoutMs ?? 5_000,
          maxPoolSize: options.maxPoolSize,
          autoIndex: false,
          autoCreate: false,
          bufferCommands: false,
          readConcern: { level: "majority" },
          readPreference: "primary",
          writeConcern: { w: "majority", wtimeoutMS: 5_000 },
        });
        return;
      } catch {
        await delay(connectRetryMs);
      }
    }
    await new Promise(() => undefined);
  }

  /** Mongoose waits for the end of an attempt to connect before it closes: that is ended first. */
  async function closeConnection(): Promise<void> {
    if (connection.readyState === mongoose.ConnectionStates.connecting)
      await connection.getClient().close(true);
    await connection.close(true);
  }

  const delay = (durationMs: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        abort.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, durationMs);
      abort.signal.addEventListener("abort", end);
    });

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
