import { randomBytes } from "node:crypto";

/** The addresses through which the processes of `npm run demo` and `npm run dev` reach each other. */
type LocalAddresses = { mongodbUrl: string; redisUrl: string; vitalUrl: string; issuer: string };

/** Secrets that are created for each run and valid only for it. The real Vital does not accept them. */
export type LocalSecrets = { apiKey: string; signingSecret: string };

/** The resource name of the gateway (RFC 8707): the `aud` of the access tokens. */
export const localAudience = "https://vital-gateway.local";

export const createLocalSecrets = (): LocalSecrets => ({
  apiKey: `sk_us_${randomBytes(16).toString("hex")}`,
  signingSecret: `whsec_${randomBytes(32).toString("base64")}`,
});

/** Returns the variables that any process needs. Omits settings that are set in the terminal. */
export function toMachineEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "TMP", "TEMP", "SystemRoot"];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Returns the settings that gateway and worker share: Vital (the simulator), MongoDB and Redis. */
export const toServiceSettings = (addresses: LocalAddresses, secrets: LocalSecrets): NodeJS.ProcessEnv => ({
  VITAL_API_KEY: secrets.apiKey,
  VITAL_API_URL: addresses.vitalUrl,
  MONGODB_URL: addresses.mongodbUrl,
  REDIS_URL: addresses.redisUrl,
});

/** Returns the gateway's own settings: the accepted tokens, the accepted events, and the explorer. */
export const toGatewaySettings = (addresses: LocalAddresses, secrets: LocalSecrets): NodeJS.ProcessEnv => ({
  AUTH_PROVIDER: "rfc9068",
  AUTH_ISSUER: addresses.issuer,
  AUTH_AUDIENCE: localAudience,
  EVENTS_SIGNING_SECRETS: secrets.signingSecret,
  GATEWAY_INTROSPECTION: "true",
  GATEWAY_HOST: "127.0.0.1",
});
