import { withDeadline } from "../../core/deadline.js";
import { createLogger } from "../../telemetry/logger.js";

/** The result of one check, with a suggested fix for a problem. */
export type Finding = { check: string; ok: boolean; detail: string; fix?: string };

/** The maximum duration of the checks of one service, milliseconds. */
export const checkTimeoutMs = 5_000;

/** The services under check log nothing: each problem is a finding. */
export const silentLog = createLogger({ level: "silent", process: "doctor" });

export const ok = (check: string, detail: string): Finding => ({ check, ok: true, detail });
export const problem = (check: string, detail: string, fix: string): Finding => ({
  check,
  ok: false,
  detail,
  fix,
});

/** Runs the checks of one service within the timeout. A check that throws becomes a problem, fixed as its reason says. */
export async function checkService(
  service: string,
  fix: string | ((reason: string) => string),
  runChecks: () => Promise<Finding[]>,
): Promise<Finding[]> {
  const toTimeout = () => new Error(`no response within ${checkTimeoutMs} ms`);
  return withDeadline(runChecks(), checkTimeoutMs, toTimeout).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : "no response";
    return [problem(service, reason, typeof fix === "string" ? fix : fix(reason))];
  });
}
