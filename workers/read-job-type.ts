import {
  isSignupEventType,
  signupEventTypes,
  type SignupEventType,
} from "../src/core/mapping/signup-event.js";
import { appUserEventJobName } from "../src/queue/app-user-events.js";
import { findSimilarType, toTypeLabel } from "../src/telemetry/event-type-names.js";

type JobType =
  | { type: SignupEventType }
  /** The type, which is neither a signup nor a deletion. */
  | { ignored: string }
  /** Why the job says neither clearly. */
  | { problem: string };

const expectedName = `name the job ${appUserEventJobName}`;
const expectedType = `type: must be ${signupEventTypes.join(" or ")}`;

/** Returns the event type that a job's name consists of, in any case and with any separators. */
const findNamedType = (name: string): SignupEventType | null => findSimilarType(name, signupEventTypes, 0);

/**
 * Returns what a job reports, from its name and from the `type` in its data.
 *
 * The data is decisive, and the name only says what the data leaves out: a producer may add a job `user.created` without a
 * type, or give a complete event another name. If the two contradict each other, or neither names an event, the job is
 * invalid: it would vanish if it were ignored.
 */
export function readJobType(name: string, type: string | undefined): JobType {
  const namedType = findNamedType(name);
  const isNamedAsDocumented = name === appUserEventJobName;
  if (type === undefined || type.trim() === "") {
    if (namedType !== null) return { type: namedType };
    return {
      problem: isNamedAsDocumented
        ? expectedType
        : `the job is named ${toTypeLabel(name)} and its data has no type; ${expectedName}. ${expectedType}`,
    };
  }
  if (isSignupEventType(type)) {
    if (namedType === null || namedType === type) return { type };
    return {
      problem: `the job's name means ${namedType}, but the type in its data is ${type}; ${expectedName}`,
    };
  }
  const similarType = findSimilarType(type, signupEventTypes);
  if (similarType !== null) return { problem: `type: must be written ${similarType}` };
  if (isNamedAsDocumented) return { ignored: type };
  return { problem: `the job is named ${toTypeLabel(name)}; ${expectedName}. ${expectedType}` };
}
