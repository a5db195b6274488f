import { createKeySets } from "../../auth/keys/key-sets.js";
import type { GatewayConfig } from "../../config/config.js";
import type { Clock } from "../../core/clock.js";
import { createProxyFinder } from "../../http-client/outbound-proxies.js";
import { checkService, ok, problem, silentLog, type Finding } from "./finding.js";
import { addRoute } from "./route.js";

const timeoutFix = "check AUTH_ISSUER, and that this machine can connect to the issuer";

/** Loads the keys of each issuer. */
export async function checkIssuer({ auth, proxies }: GatewayConfig, now: Clock): Promise<Finding[]> {
  const keySets = createKeySets({
    policy: auth,
    log: silentLog,
    now,
    findProxy: createProxyFinder(proxies),
  });
  const findings = await checkService("issuer", timeoutFix, async () => {
    await keySets.refresh();
    return keySets.status().map(({ issuer, keys, problem: reason, fix }) => {
      const finding =
        reason === null
          ? ok("issuer", `${issuer}: ${keys} keys`)
          : problem("issuer", `${issuer}: ${reason}`, fix ?? timeoutFix);
      const source = auth.issuers.find((candidate) => candidate.issuer === issuer)?.keys;
      return source === undefined || source.from === "secret"
        ? finding
        : addRoute(finding, proxies, source.url);
    });
  });
  await keySets.close();
  return findings;
}
