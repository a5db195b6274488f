import { createKeySets } from "../../auth/keys/key-sets.js";
import type { GatewayConfig } from "../../config/config.js";
import type { Clock } from "../../core/clock.js";
import { checkService, ok, problem, silentLog, type Finding } from "./finding.js";

const issuerFix = "check AUTH_ISSUER (or AUTH_JWKS_URL), and that this machine can connect to it";

/** Loads the keys of each issuer. */
export async function checkIssuer({ auth }: GatewayConfig, now: Clock): Promise<Finding[]> {
  const keySets = createKeySets({ policy: auth, log: silentLog, now });
  const findings = await checkService("issuer", issuerFix, async () => {
    await keySets.refresh();
    return keySets
      .status()
      .map(({ issuer, keys, problem: reason }) =>
        reason === null
          ? ok("issuer", `${issuer}: ${keys} keys`)
          : problem("issuer", `${issuer}: ${reason}`, issuerFix),
      );
  });
  await keySets.close();
  return findings;
}
