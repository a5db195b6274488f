/** Measures the CPU time of verifying an access token, new or cached, for each algorithm. Run: npm run bench -- auth */
import { createKeySets } from "../src/auth/keys/key-sets.js";
import { readAuthSettings } from "../src/auth/settings/auth-settings.js";
import { createViewerAuthentication } from "../src/auth/viewer-authentication.js";
import { createSettingsReader } from "../src/config/settings-reader.js";
import { startIssuer } from "../test/support/auth/test-issuer.js";
import { silentLog } from "../test/support/recording-log.js";
import { createTestKey, signToken } from "../test/support/auth/tokens.js";
import { median } from "./harness/report.js";

const algorithms = ["RS256", "ES256", "EdDSA"];
const rounds = 5;
const tokensPerRound = 500;
const hitsPerToken = 100;

async function microsecondsEach(count: number, run: () => Promise<void>): Promise<number> {
  const { user, system } = process.cpuUsage();
  await run();
  const used = process.cpuUsage({ user, system });
  return (used.user + used.system) / count;
}

const issuer = await startIssuer();
const keys = algorithms.map((algorithm) => createTestKey(algorithm, algorithm));
const iss = issuer.publishIssuer("/bench", keys);
const policy = readAuthSettings(createSettingsReader({ AUTH_ISSUER: iss, AUTH_AUDIENCE: "api" }));
const now = Math.floor(Date.now() / 1000);

for (const key of keys) {
  const dependencies = { policy, log: silentLog, now: () => new Date() };
  const authentication = createViewerAuthentication({
    ...dependencies,
    keySets: createKeySets(dependencies),
  });
  const [cold, warm]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const requests = Array.from({ length: tokensPerRound }, (_, index) => {
      const claims = { iss, aud: "api", sub: `user-${index}`, client_id: "app", jti: `${round}-${index}` };
      const header = { alg: key.algorithm, kid: key.kid, typ: "at+jwt" };
      const times = { iat: now, exp: now + 3600 };
      const token = signToken(header, { ...claims, ...times }, key.algorithm, key.privateKey);
      return [
        ...["Host", "gateway", "User-Agent", "bench", "Accept", "*/*", "Content-Type", "application/json"],
        ...["Authorization", `Bearer ${token}`, "Content-Length", "100"],
      ];
    });
    const authenticateAll = async () => {
      await Promise.all(requests.map((headers) => authentication.authenticate(headers)));
    };
    const coldMicroseconds = await microsecondsEach(tokensPerRound, authenticateAll);
    const warmMicroseconds = await microsecondsEach(tokensPerRound * hitsPerToken, async () => {
      for (let hit = 0; hit < hitsPerToken; hit += 1) {
        for (const headers of requests) await authentication.authenticate(headers);
      }
    });
    // The first round is a warm-up.
    if (round > 0) {
      cold.push(coldMicroseconds);
      warm.push(warmMicroseconds);
    }
  }
  await authentication.close();
  console.log(
    `${key.algorithm}: ${median(cold).toFixed(0)} µs of CPU per new token, ${median(warm).toFixed(1)} µs per cached token`,
  );
}
await issuer.close();
