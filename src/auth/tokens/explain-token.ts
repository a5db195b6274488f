import type { Clock } from "../../core/clock.js";
import { ServiceError } from "../../core/errors.js";
import type { KeySets } from "../keys/key-sets.js";
import type { AuthPolicy } from "../policy.js";
import { member, readToken, type Finding, type ReadToken } from "./read-token.js";
import type { TokenRule } from "./token-rule.js";
import { compileRules, verifySignature } from "./verify-token.js";

/** The result of one check, for an operator. Never contains the token or a claim with personal data. */
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
    return { check: "signature", ok: false, detail: "not checked, because the issuer is not accepted" };
  }
  try {
    const verified = await verifySignature(token, keySet);
    return toCheck("signature", "reason" in verified ? verified : null, "signed with a key of the issuer");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { fix } = keySet.status();
    const detail = error.reason ?? error.message;
    return { check: "signature", ok: false, detail, ...(fix !== null && { fix }) };
  }
}

/**
 * Creates a function that runs every check on a token and returns all results, instead of stopping at the first
 * failure.
 *
 * When the issuer of a token is not accepted, its claims are checked by the rules of the first accepted issuer.
 */
export function createTokenExplainer(options: { policy: AuthPolicy; keySets: KeySets; now: Clock }) {
  const { policy, keySets, now } = options;
  const nowSeconds = () => now().getTime() / 1000;
  const rules = compileRules(policy);
  return async (compact: string): Promise<Check[]> => {
    const token = readToken(compact);
    if ("reason" in token) return [toCheck("format", token, "")];
    const issuerRules =
      rules.forIssuer(member(token.claims, "iss")) ?? rules.forIssuer(policy.issuers[0]?.issuer) ?? [];
    const headerChecks = runRules(rules.header, token, nowSeconds());
    return [
      { check: "format", ok: true, detail: "a JWT" },
      ...headerChecks,
      // The header selects the key, so an invalid header selects none.
      headerChecks.every((check) => check.ok)
        ? await checkSignature(token, keySets)
        : {
            check: "signature",
            ok: false,
            detail: "not checked, because the header or the issuer is not accepted",
          },
      ...runRules(issuerRules, token, nowSeconds()),
    ];
  };
}
