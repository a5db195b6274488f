import { randomBytes } from "node:crypto";

/** What the processes of a demo or a development session must know of each other. */
export type LocalAddresses = { mongodbUrl: string; redisUrl: string; vitalUrl: string; issuer: string };

/** Made anew for each run: nothing here is worth keeping, and nothing fits a real Vital. */
export type LocalSecrets = { apiKey: string; signingSecret: string };

/** The gateway's name as a resource (RFC 8707): `aud` of the access tokens. */
export const localAudience = "https://vital-gateway.local";

export const createLocalSecrets = (): LocalSecrets => ({
  apiKey: `sk_us_${randomBytes(16).toString("hex")}`,
  signingSecret: `whsec_${randomBytes(32).toString("base64")}`,
});

/** What a process needs of the machine; settings that happen to be in the terminal would only surprise. */
export function toMachineEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "TMP", "TEMP", "SystemRoot"];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Settings of gateway and worker that lead them to each other and to the simulator. */
export const toServiceSettings = (addresses: LocalAddresses, secrets: LocalSecrets): NodeJS.ProcessEnv => ({
  VITAL_API_KEY: secrets.apiKey,
  VITAL_API_URL: addresses.vitalUrl,
  MONGODB_URL: addresses.mongodbUrl,
  REDIS_URL: addresses.redisUrl,
});

/** Settings of the gateway alone: whose tokens it takes, whose events, and the explorer. */
export const toGatewaySettings = (addresses: LocalAddresses, secrets: LocalSecrets): NodeJS.ProcessEnv => ({
  AUTH_PROVIDER: "rfc9068",
  AUTH_ISSUER: addresses.issuer,
  AUTH_AUDIENCE: localAudience,
  EVENTS_SIGNING_SECRETS: secrets.signingSecret,
  GATEWAY_INTROSPECTION: "true",
  GATEWAY_HOST: "127.0.0.1",
});
