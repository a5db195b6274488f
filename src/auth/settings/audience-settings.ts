import type { SettingsReader } from "../../config/settings-reader.js";
import type { AudienceRule, AuthPolicy } from "../policy.js";
import type { Preset } from "../presets/preset.js";

/** Reads a list of exact values. A wildcard is a problem, because it would match nothing. */
export function readExactList(name: string, reader: SettingsReader): string[] {
  const values = reader.list(name);
  for (const value of values.filter((text) => text.includes("*"))) {
    reader.problem(
      name,
      `"${value}" is not allowed: values are compared exactly, and wildcards are not supported`,
    );
  }
  return values;
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
    const rejected = preset.rejectedAudiences?.find(({ pattern }) => pattern.test(audience));
    if (rejected !== undefined)
      reader.problem("AUTH_AUDIENCE", `"${audience}" is not allowed: ${rejected.reason}`);
  }
  if (configured.length === 0 && preset.audience.from === "setting") {
    reader.problem("AUTH_AUDIENCE", `is required: ${preset.audience.hint}`);
  }
  return configured;
}

const requestAudience = "request the audience of this API in the app";
const addAudience = "if this is the right audience, add it to AUTH_AUDIENCE";

/**
 * Returns the suggested fixes for a token without an audience and for a token with another one. They depend on how apps
 * request an audience, and on whether `AUTH_AUDIENCE` is set.
 */
export function toAudienceFixes(
  { audience }: Preset,
  configured: readonly string[],
): Pick<AuthPolicy, "audienceFix" | "otherAudienceFix"> {
  if (audience.from === "clients") {
    return {
      audienceFix: audience.fix,
      otherAudienceFix: "if this is one of your apps, add its client id to AUTH_CLIENT_IDS",
    };
  }
  if (audience.from === "template" && configured.length === 0) {
    const sameProject = "check that the app and AUTH_ISSUER of this gateway use the same project";
    return { audienceFix: sameProject, otherAudienceFix: sameProject };
  }
  if (audience.from === "none" && configured.length === 0) {
    return {
      audienceFix: requestAudience,
      otherAudienceFix: "if this is the audience of this API, set AUTH_AUDIENCE to it",
    };
  }
  const request = "fix" in audience ? audience.fix : requestAudience;
  const remove = "if the tokens of your issuer have no audience, remove AUTH_AUDIENCE";
  return {
    audienceFix: audience.from === "setting" ? request : `${request}; ${remove}`,
    otherAudienceFix: `${request}; ${addAudience}`,
  };
}

export function toAudienceRule(preset: Preset, audiences: readonly string[]): AudienceRule {
  if (preset.audience.from === "none" && audiences.length === 0) return "absent";
  return "match" in preset.audience ? "equals" : "contains";
}
