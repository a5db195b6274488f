import { randomUUID } from "node:crypto";
import mongoose from "mongoose";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { createMongoConnection } from "../../src/mongo/connection.js";
import { createMappings } from "../../src/mongo/mappings.js";
import { startIssuer } from "../../test/support/auth/test-issuer.js";
import { createTestKey, signToken } from "../../test/support/auth/tokens.js";

const audience = "https://gateway.bench";
export const viewers = 500;

/** Stores active mappings, as if all viewers had signed up long ago. */
async function storeMappings(mongodbUrl: string): Promise<void> {
  const mongo = createMongoConnection({
    url: mongodbUrl,
    serverSelectionTimeoutMs: 5_000,
    socketTimeoutMs: 10_000,
    maxPoolSize: 5,
    appName: "vital-gateway bench",
  });
  await mongo.whenConnected;
  await createMappings(mongo).indexes.create();
  const at = new Date();
  const documents = Array.from({ length: viewers }, (_, index) => ({
    _id: `user-${index}`,
    state: "active",
    clientUserId: `user-${index}`,
    vitalUserId: randomUUID(),
    environment: "sandbox",
    region: "us",
    generation: 1,
    revision: 2,
    requestedAt: at,
    activatedAt: at,
    updatedAt: at,
    attempts: 1,
  }));
  await mongo.connection.collection<(typeof documents)[number]>("vital_user_mappings").insertMany(documents);
  await mongo.close();
}

/** Starts MongoDB with mappings, Redis and an issuer. Returns the settings with which a gateway uses them. */
export async function startEnvironment(vitalUrl: string) {
  const services = await startEmbeddedServices({ print: () => undefined, env: process.env });
  const mongodbUrl = new URL(services.mongodbUrl);
  mongodbUrl.pathname = `/vital_gateway_bench_${process.pid}`;
  await storeMappings(mongodbUrl.href);
  const issuer = await startIssuer();
  const key = createTestKey("bench", "RS256");
  const iss = issuer.publishIssuer("/bench", [key]);
  const now = Math.floor(Date.now() / 1000);

  return {
    settings: {
      VITAL_API_KEY: "sk_us_bench_0123456789",
      VITAL_API_URL: vitalUrl,
      MONGODB_URL: mongodbUrl.href,
      REDIS_URL: services.redisUrl,
      AUTH_ISSUER: iss,
      AUTH_AUDIENCE: audience,
      GATEWAY_HOST: "127.0.0.1",
      GATEWAY_PORT: "0",
      ADMIN_PORT: "0",
      GATEWAY_TOKENS_PER_MINUTE: "1000000",
      LOG_LEVEL: "info",
    },

    /** Creates access tokens for the viewers in turn. */
    createAccessTokens: (count: number): string[] =>
      Array.from({ length: count }, (_, index) => {
        const claims = {
          iss,
          aud: audience,
          sub: `user-${index % viewers}`,
          client_id: "app",
          jti: randomUUID(),
        };
        const header = { alg: "RS256", kid: key.kid, typ: "at+jwt" };
        return signToken(header, { ...claims, iat: now, exp: now + 7_200 }, "RS256", key.privateKey);
      }),

    async stop(): Promise<void> {
      await issuer.close();
      const client = new mongoose.mongo.MongoClient(mongodbUrl.href);
      await client.db().dropDatabase();
      await client.close();
      await services.stop();
    },
  };
}
