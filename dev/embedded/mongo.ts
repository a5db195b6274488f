import mongoose from "mongoose";
import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../src/config/settings-reader.js";
import { getMongoBinary } from "./binaries.js";
import { waitForResponse } from "./ports.js";
import { startServer, type EmbeddedServer, type Print } from "./server.js";

const replicaSet = "rs0";

/** MongoDB's error code AlreadyInitialized: the replica set has been initiated before. */
const alreadyInitialized = 23;

const toArguments = ({ port, folder }: { port: number; folder: string }) => [
  ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1", "--replSet", replicaSet],
  ...["--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--quiet"],
  ...["--setParameter", "diagnosticDataCollectionEnabled=false"],
];

function isAlreadyInitialized(error: unknown): boolean {
  return error instanceof mongoose.mongo.MongoServerError && error.code === alreadyInitialized;
}

/** Initiates the replica set and waits until its member is primary. A standalone server would not support retryable writes and majority concern. */
async function waitUntilPrimary(port: number, signal: AbortSignal): Promise<void> {
  await waitForResponse(port, signal);
  const client = new mongoose.mongo.MongoClient(`mongodb://127.0.0.1:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: 5000,
  });
  try {
    const admin = client.db("admin");
    const config = {
      _id: replicaSet,
      members: [{ _id: 0, host: `127.0.0.1:${port}` }],
      settings: { electionTimeoutMillis: 500 },
    };
    await admin.command({ replSetInitiate: config }).catch((error: unknown) => {
      if (!isAlreadyInitialized(error)) throw error;
    });
    while ((await admin.command({ hello: 1 })).isWritablePrimary !== true) {
      await delay(10, undefined, { signal });
    }
  } finally {
    await client.close();
  }
}

/** A running mongod that tests can kill, pause and restart. */
export type EmbeddedMongo = EmbeddedServer & { url: string };

/**
 * Runs a real `mongod` as a replica set of one. Finds or fetches it first, and prints one line for each step.
 *
 * @returns the server and its connection string, which includes the database `vital_gateway`.
 * @throws Error that says what to install or which variable to set when no server is available.
 */
export async function startEmbeddedMongo(options: {
  print: Print;
  env: Environment;
}): Promise<EmbeddedMongo> {
  const command = await getMongoBinary(options);
  const server = await startServer(
    { name: "MongoDB", command, toArguments, waitUntilReady: waitUntilPrimary },
    options,
  );
  return Object.assign(server, {
    url: `mongodb://127.0.0.1:${server.port}/vital_gateway?replicaSet=${replicaSet}`,
  });
}
