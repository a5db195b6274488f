import type { SettingsReader } from "../../config/settings-reader.js";
import type { AudienceRule, AuthPolicy } from "../policy.js";
import type { Preset } from "../presets/preset.js";

/** Returns why a value cannot be one of a list of exact values, or `null`. A wildcard would match nothing. */
function findListProblem(value: string): string | null {
  if (value === "" || value.trim() !== value || value.includes(","))
    return "cannot be written into a list that is separated by commas";
  return value.includes("*")
    ? "is not allowed: values are compared exactly, and wildcards are not supported"
    : null;
}

/** Reads a list of exact values. */
export function readExactList(name: string, reader: SettingsReader): string[] {
  const values = reader.list(name);
  for (const value of values) {
    const problem = findListProblem(value);
    if (problem !== null) reader.problem(name, `"${value}" ${problem}`);
  }
  return values;
}

/** Returns why the preset rejects an audience, or `null`. */
function findRejection(preset: Preset, audience: string): string | null {
  const rejected = preset.rejectedAudiences?.find(({ pattern }) => pattern.test(audience));
  return rejected === undefined ? null : `is not allowed: ${rejected.reason}`;
}

/** The problem of a client id in `AUTH_AUDIENCE`, for presets whose audience is never a client id. */
export const isClientProblem =
  "is also in AUTH_CLIENT_IDS: it is the audience of ID tokens, not of access tokens; use the identifier of your API";

/** Creates the checks of a value that a token has and a setting could accept. */
export function createValueProblems(
  preset: Preset,
  { audiences, clientIds }: { audiences: readonly string[]; clientIds: readonly string[] },
): Pick<AuthPolicy["settingProblems"], "audience" | "client"> {
  const isNeverBoth = preset.audienceIsNeverClientId === true;
  return {
    audience: (value) =>
      findListProblem(value) ??
      findRejection(preset, value) ??
      (isNeverBoth && clientIds.includes(value) ? isClientProblem : null),
    client: (value) =>
      findListProblem(value) ?? (isNeverBoth && audiences.includes(value) ? isClientProblem : null),
  };
}

/** Reads `AUTH_AUDIENCE`. */
export function readAudiences(preset: Preset, reader: SettingsReader): string[] {
  const configured = readExactList("AUTH_AUDIENCE", reader);
  if (preset.audience.from === "clients") {
    if (configured.length > 0) {
      reader.problem(
        "AUTH_AUDIENCE",
        "must not be set, because the audience of these tokens is the client; set AUTH_CLIENT_IDS",
      );
    }
    return [];
  }
  for (const audience of configured) {
    const rejection = findRejection(preset, audience);
    if (rejection !== null) reader.problem("AUTH_AUDIENCE", `"${audience}" ${rejection}`);
  }
  if (configured.length === 0 && preset.audience.from === "setting") {
    reader.problem("AUTH_AUDIENCE", `is required: ${preset.audience.hint}`);
  }
  return configured;
}

const requestAudience = "request the audience of this API in the app";
const addAudience = "if this is the right audience, add it to AUTH_AUDIENCE";

/**
 * Returns the suggested fixes for the audience. They depend on how apps request an audience, and on whether
 * `AUTH_AUDIENCE` is set.
 */
export function toAudienceFixes(
  { audience, clients }: Preset,
  { configured, clientIds }: { configured: readonly string[]; clientIds: readonly string[] },
): AuthPolicy["audienceFixes"] {
  if (audience.from === "clients") {
    return {
      missing: audience.fix,
      other: "if this is one of your apps, add its client id to AUTH_CLIENT_IDS",
      unacceptable: "send a token of one of your apps",
    };
  }
  if (audience.from === "template" && configured.length === 0) {
    const sameProject = "check that the app and AUTH_ISSUER of this gateway use the same project";
    return { missing: sameProject, other: sameProject, unacceptable: sameProject };
  }
  if (audience.from === "none" && configured.length === 0) {
    return {
      missing: requestAudience,
      other: "if this is the audience of this API, set AUTH_AUDIENCE to it",
      unacceptable: requestAudience,
    };
  }
  const request = "fix" in audience ? audience.fix : requestAudience;
  const remove =
    clients.need === "without-audience" && clientIds.length === 0
      ? "if the tokens of your issuer have no audience but name their client, set AUTH_CLIENT_IDS instead of AUTH_AUDIENCE"
      : "if the tokens of your issuer have no audience, remove AUTH_AUDIENCE";
  return {
    missing: audience.from === "setting" ? request : `${request}; ${remove}`,
    other: `${request}; ${addAudience}`,
    unacceptable: request,
  };
}

export function toAudienceRule(preset: Preset, audiences: readonly string[]): AudienceRule {
  if (preset.audience.from === "none" && audiences.length === 0) return "absent";
  return "match" in preset.audience ? "equals" : "contains";
}
