import type { TransitionRules } from "../mapping/transitions.js";
import type { Deployment } from "../vital/deployment.js";
import { maxLookupAgeMs } from "./provisioning.js";

/** How long a mapping is left to its job before a sweeper claims it, milliseconds. */
const sweepGraceMs = 10_000;
/** Extra time for a create that Vital commits after our timeout, milliseconds. */
const lateCommitMarginMs = 15_000;

/** Returns the rules by which the product moves mappings; `vitalTimeoutMs` is the timeout of one call to Vital. */
export const createTransitionRules = ({
  deployment,
  vitalTimeoutMs,
}: {
  deployment: Deployment;
  vitalTimeoutMs: number;
}): TransitionRules => ({
  deployment,
  toClientUserId: (appUserId) => appUserId,
  sweepGraceMs,
  settleMs: maxLookupAgeMs + vitalTimeoutMs + lateCommitMarginMs,
});
