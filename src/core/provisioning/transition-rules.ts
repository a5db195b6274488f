import type { TransitionRules } from "../mapping/next-mapping.js";
import type { Deployment } from "../vital/deployment.js";
import { toClientUserId } from "../vital/client-user-id.js";
import { maxLookupAgeMs } from "./provisioning.js";

/** How long the job of a mapping has before a sweeper claims the mapping, milliseconds. */
const sweepGraceMs = 10_000;
/** Extra time for a create that Vital commits after the gateway's timeout, milliseconds. */
const lateCommitMarginMs = 15_000;

/** Returns the product's transition rules. `vitalTimeoutMs` is the timeout of one call to Vital. */
export const createTransitionRules = ({
  deployment,
  vitalTimeoutMs,
}: {
  deployment: Deployment;
  vitalTimeoutMs: number;
}): TransitionRules => ({
  deployment,
  toClientUserId,
  sweepGraceMs,
  settleMs: maxLookupAgeMs + vitalTimeoutMs + lateCommitMarginMs,
});
