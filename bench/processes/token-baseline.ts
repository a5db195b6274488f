/**
 * Runs as a separate process: the same schema and the same work, written as in a tutorial: with Apollo's standalone
 * server, `jwtVerify` with a remote key set for each request, a mongoose document and the global `fetch`.
 */
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { GraphQLError } from "graphql";
import { createRemoteJWKSet, jwtVerify } from "jose";
import mongoose from "mongoose";
import { buildGraphqlSchema } from "../../schema/schema.js";
import type { VitalUserId } from "../../src/core/mapping/app-user-id.js";
import { serveControl } from "../harness/control.js";

const { VITAL_API_KEY = "", VITAL_API_URL = "", MONGODB_URL = "" } = process.env;
const { AUTH_ISSUER = "", AUTH_AUDIENCE = "" } = process.env;

await mongoose.connect(MONGODB_URL);
const UserMapping = mongoose.model(
  "UserMapping",
  new mongoose.Schema(
    { _id: String, state: String, vitalUserId: String },
    { collection: "vital_user_mappings" },
  ),
);
const keys = createRemoteJWKSet(new URL(`${AUTH_ISSUER}/jwks`));

async function getViewer(authorization = "") {
  try {
    const { payload } = await jwtVerify(authorization.replace("Bearer ", ""), keys, {
      issuer: AUTH_ISSUER,
      audience: AUTH_AUDIENCE,
    });
    return { appUserId: payload.sub ?? "" };
  } catch {
    throw new GraphQLError("Not signed in", {
      extensions: { code: "UNAUTHENTICATED", http: { status: 401 } },
    });
  }
}

const schema = buildGraphqlSchema({
  signInTokens: {
    async issue(appUserId) {
      const mapping = await UserMapping.findById(appUserId);
      if (!mapping?.vitalUserId) throw new GraphQLError("No Vital user");
      const response = await fetch(`${VITAL_API_URL}/v2/user/${mapping.vitalUserId}/sign_in_token`, {
        method: "POST",
        headers: { "x-vital-api-key": VITAL_API_KEY, "content-type": "application/json" },
      });
      const { sign_in_token: signInToken } = (await response.json()) as { sign_in_token: string };
      const vitalUserId = mapping.vitalUserId as VitalUserId;
      return { vitalUserId, signInToken, environment: "sandbox", region: "us" };
    },
  },
  mappings: { find: () => Promise.resolve(null) },
});

const { url } = await startStandaloneServer(new ApolloServer({ schema }), {
  listen: { port: 0, host: "127.0.0.1" },
  context: async ({ req }) => ({ viewer: await getViewer(req.headers.authorization) }),
});
serveControl(new URL(url).origin);
