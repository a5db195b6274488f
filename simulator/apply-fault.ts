import { STATUS_CODES } from "node:http";

import type { Fault } from "./faults.js";
import type { ApiResponse } from "./operation.js";
import type { HeldRequests } from "./held-requests.js";

/** How a request ends: with an answer, or with its connection closed or reset. */
export type Outcome = ApiResponse | "close" | "reset";

type FaultContext = {
  work: () => ApiResponse;
  heldRequests: HeldRequests;
  onClientGone: (listener: () => void) => void;
};
type Effects = {
  [K in Fault["kind"]]: (
    fault: Extract<Fault, { kind: K }>,
    scene: FaultContext,
  ) => Promise<Outcome> | Outcome;
};

/** Proxies answer 5xx in plain text; what Vital says itself is JSON. */
function toFailure(status: number, retryAfterSeconds: number | undefined, body?: unknown): ApiResponse {
  const text = STATUS_CODES[status] ?? "Error";
  const detail = status === 401 ? "invalid token" : text;
  const headers: Record<string, string> =
    typeof body === "string" || (body === undefined && status >= 500) ? { "content-type": "text/plain" } : {};
  if (retryAfterSeconds !== undefined) headers["retry-after"] = String(retryAfterSeconds);
  return { status, body: body ?? (status >= 500 ? text : { detail }), headers };
}

const effects: Effects = {
  status: (fault) => toFailure(fault.status, fault.retryAfterSeconds, fault.body),
  delay: async ({ delayMs }, { work, heldRequests }) =>
    (await heldRequests.hold(delayMs)) === "time" ? work() : "close",
  reset: () => "reset",
  hang: async (_fault, { heldRequests, onClientGone }): Promise<Outcome> => {
    await heldRequests.hold(null, onClientGone);
    return "close";
  },
  "commit-then-fail": ({ status, retryAfterSeconds }, { work }) => {
    work();
    return status === undefined ? "close" : toFailure(status, retryAfterSeconds);
  },
};

/** Lets a fault, or nothing, happen to one request. */
export function applyFault(fault: Fault | null, scene: FaultContext): Promise<Outcome> | Outcome {
  if (fault === null) return scene.work();
  const effect = effects[fault.kind] as (fault: Fault, scene: FaultContext) => Promise<Outcome> | Outcome;
  return effect(fault, scene);
}
