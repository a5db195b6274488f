import type { Clock } from "../../core/clock.js";
import { ServiceError } from "../../core/errors.js";
import type { KeySets } from "../keys/key-sets.js";
import type { AuthPolicy } from "../policy.js";
import { member, readToken, type Finding, type ReadToken } from "./read-token.js";
import type { TokenRule } from "./token-rule.js";
import { compileRules, verifySignature } from "./verify-token.js";

/** One check of a token, for an operator; never the token itself, nor a claim that is personal data. */
export type Check = Readonly<{ check: string; ok: boolean; detail: string; fix?: string }>;

const toCheck = (check: string, finding: Finding | null, expects: string): Check =>
  finding === null
    ? { check, ok: true, detail: expects }
    : {
        check,
        ok: false,
        detail: finding.reason,
        ...(finding.fix !== undefined && { fix: finding.fix }),
      };

const runRules = (rules: readonly TokenRule[], token: ReadToken, nowSeconds: number): Check[] =>
  rules.map((rule) => toCheck(rule.check, rule.find(token, nowSeconds), rule.expects));

async function checkSignature(token: ReadToken, keySets: KeySets): Promise<Check> {
  const keySet = keySets.forIssuer(String(member(token.claims, "iss")));
  if (keySet === undefined) {
    return { check: "signature", ok: false, detail: "not checked: the issuer is not accepted" };
  }
  try {
    const verified = await verifySignature(token, keySet);
    return toCheck("signature", "reason" in verified ? verified : null, "made by a key of the issuer");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return {
      check: "signature",
      ok: false,
      detail: error.reason ?? error.message,
      fix: "the issuer must be reachable from here, and AUTH_ISSUER or AUTH_JWKS_URL right",
    };
  }
}

/**
 * Runs every check on a token and says of each whether it is kept, instead of stopping at the first that is not.
 *
 * The claims of a token whose issuer is not accepted are checked as if its issuer were the first accepted one.
 */
export function createTokenExplainer(options: { policy: AuthPolicy; keySets: KeySets; now: Clock }) {
  const { policy, keySets, now } = options;
  const nowSeconds = () => now().getTime() / 1000;
  const rules = compileRules(policy);
  return async (compact: string): Promise<Check[]> => {
    const token = readToken(compact);
    if ("reason" in token) return [toCheck("form", token, "")];
    const issuerRules =
      rules.forIssuer(member(token.claims, "iss")) ?? rules.forIssuer(policy.issuers[0]?.issuer) ?? [];
    const headerChecks = runRules(rules.header, token, nowSeconds());
    return [
      { check: "form", ok: true, detail: "a JWT" },
      ...headerChecks,
      // The key is chosen by what the header says: with a header that is refused there is none to choose.
      headerChecks.every((check) => check.ok)
        ? await checkSignature(token, keySets)
        : { check: "signature", ok: false, detail: "not checked: the header or the issuer is refused" },
      ...runRules(issuerRules, token, nowSeconds()),
    ];
  };
}
