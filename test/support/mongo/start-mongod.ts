import mongoose from "mongoose";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, onTestFinished } from "vitest";
import { getMongoBinary } from "../../../dev/embedded/binaries.js";
import { waitForResponse } from "../../../dev/embedded/ports.js";
import { startServer } from "../../../dev/embedded/server.js";

export type MongodOptions = {
  /** The name of the replica set, or `null` for a standalone server. */
  replicaSet: string | null;
  /** The host name under which the replica set knows its member. */
  memberHost?: string;
  /** Whether the replica set is initiated. */
  isInitiated?: boolean;
  /** The paths of a CA and of a PEM with key and certificate; the server then accepts TLS only. */
  tls?: { caPath: string; pemPath: string };
  /** A user that is created in `admin`. Everything then requires authentication. */
  user?: { name: string; password: string };
};

const internalKey = "a".repeat(64);

/** The arguments of a small server for one test. */
function toArguments({ replicaSet, tls, user }: MongodOptions, port: number, folder: string): string[] {
  const keyFile = join(folder, "key");
  if (user !== undefined && replicaSet !== null) writeFileSync(keyFile, internalKey, { mode: 0o400 });
  return [
    ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"],
    ...["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"],
    ...(replicaSet === null ? [] : ["--replSet", replicaSet, "--oplogSize", "64"]),
    ...(tls === undefined ? [] : ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", tls.pemPath]),
    ...(user === undefined ? [] : replicaSet === null ? ["--auth"] : ["--keyFile", keyFile]),
  ];
}

async function prepare(options: MongodOptions, port: number, signal: AbortSignal): Promise<void> {
  const { replicaSet, memberHost = "127.0.0.1", isInitiated = true, tls, user } = options;
  await waitForResponse(port, signal);
  const client = new mongoose.mongo.MongoClient(`mongodb://127.0.0.1:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: 5_000,
    ...(tls !== undefined && { tls: true, tlsCAFile: tls.caPath }),
  });
  try {
    const admin = client.db("admin");
    if (replicaSet !== null && isInitiated) {
      const members = [{ _id: 0, host: `${memberHost}:${port}` }];
      await admin.command({ replSetInitiate: { _id: replicaSet, members } });
      while ((await admin.command({ hello: 1 })).isWritablePrimary !== true) {
        await delay(10, undefined, { signal });
      }
    }
    if (user !== undefined)
      await admin.command({ createUser: user.name, pwd: user.password, roles: ["root"] });
  } finally {
    await client.close();
  }
}

/** Starts a `mongod` with these options for one test or file. It is stopped afterwards. */
export async function startMongod(options: MongodOptions) {
  const output = { print: () => undefined, env: process.env };
  const server = await startServer(
    {
      name: "MongoDB",
      command: await getMongoBinary(output),
      toArguments: ({ port, folder }) => toArguments(options, port, folder),
      waitUntilReady: (port, signal) => prepare(options, port, signal),
    },
    output,
  );
  const stop = () => server.stop();
  try {
    onTestFinished(stop);
  } catch {
    afterAll(stop);
  }
  return server;
}
