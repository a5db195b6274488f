import { STATUS_CODES } from "node:http";

import type { Fault } from "./faults.js";
import type { ApiResponse } from "./operation.js";
import type { HeldRequests } from "./held-requests.js";

/** How a request ends: with a response, or with its connection closed or reset. */
export type Outcome = ApiResponse | "close" | "reset";

type FaultContext = {
  work: () => ApiResponse;
  heldRequests: HeldRequests;
  onDisconnect: (listener: () => void) => void;
};
type Effects = {
  [K in Fault["kind"]]: (
    fault: Extract<Fault, { kind: K }>,
    context: FaultContext,
  ) => Promise<Outcome> | Outcome;
};

/** Proxies send 5xx responses in plain text; Vital's own responses are JSON. */
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
    (await heldRequests.hold(delayMs)) === "elapsed" ? work() : "close",
  reset: () => "reset",
  hang: async (_fault, { heldRequests, onDisconnect }): Promise<Outcome> => {
    await heldRequests.hold(null, onDisconnect);
    return "close";
  },
  "commit-then-fail": ({ status, retryAfterSeconds }, { work }) => {
    work();
    return status === undefined ? "close" : toFailure(status, retryAfterSeconds);
  },
};

/** Applies a fault to one request. Without a fault, does the work of the request. */
export function applyFault(fault: Fault | null, context: FaultContext): Promise<Outcome> | Outcome {
  if (fault === null) return context.work();
  const effect = effects[fault.kind] as (fault: Fault, context: FaultContext) => Promise<Outcome> | Outcome;
  return effect(fault, context);
}
