import { appUserEventJobName } from "../src/queue/app-user-events.js";
import { isSignupEventType } from "../src/core/mapping/signup-event.js";
import { toTypeLabel } from "../src/telemetry/event-type-names.js";
import type { Logger } from "../src/telemetry/logger.js";

const maxNames = 50;

/** Whether a job has one of the names that the documentation gives. */
const isDocumentedName = (name: string) => name === appUserEventJobName || isSignupEventType(name);

/** Returns functions that log jobs with other names once per name. A producer usually adds thousands of them. */
export function createJobNameReports(log: Logger) {
  const reported = new Set<string>();

  function isFirst(key: string): boolean {
    if (reported.has(key) || reported.size >= maxNames) return false;
    reported.add(key);
    return true;
  }

  return {
    /** Logs an invalid job. Those with documented names are logged one by one. */
    refused({ id: jobId, name }: { id?: string | undefined; name: string }, reason: string): void {
      if (isDocumentedName(name)) log.warn({ jobId, reason }, "invalid event in the queue");
      else if (isFirst(`refused ${toTypeLabel(name)}`)) {
        log.warn(
          { jobId, job: toTypeLabel(name), reason },
          "invalid events in the queue under this job name",
        );
      }
    },

    accepted({ name }: { name: string }): void {
      if (!isDocumentedName(name) && isFirst(`accepted ${toTypeLabel(name)}`)) {
        log.info({ job: toTypeLabel(name) }, "reading jobs of another name, because their data is complete");
      }
    },
  };
}
