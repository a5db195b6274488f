import type { SettingsReader } from "../../config/settings-reader.js";
import type { AudienceRule } from "../policy.js";
import type { Preset } from "../presets/preset.js";

/** A list of exact values; a wildcard would be compared as it stands and so accept nothing, or too much one day. */
export function readExactList(name: string, reader: SettingsReader): string[] {
  const values = reader.list(name);
  for (const value of values.filter((text) => text.includes("*"))) {
    reader.problem(name, `"${value}" is refused: values are compared exactly, there are no wildcards`);
  }
  return values;
}

/** Reads `AUTH_AUDIENCE`. */
export function readAudiences(preset: Preset, reader: SettingsReader): string[] {
  const stated = readExactList("AUTH_AUDIENCE", reader);
  if (preset.audience.from === "clients") {
    if (stated.length > 0) {
      reader.problem(
        "AUTH_AUDIENCE",
        "must not be set: the audience of these tokens is the client; set AUTH_CLIENT_IDS",
      );
    }
    return [];
  }
  for (const audience of stated) {
    const refusal = preset.refusedAudiences?.find(({ pattern }) => pattern.test(audience));
    if (refusal !== undefined)
      reader.problem("AUTH_AUDIENCE", `"${audience}" is refused: ${refusal.because}`);
  }
  if (stated.length === 0 && preset.audience.from === "setting") {
    reader.problem("AUTH_AUDIENCE", `is required: ${preset.audience.hint}`);
  }
  return stated;
}

/** What to do about a token with another audience: how a provider is asked for one differs. */
export function audienceMendOf({ audience }: Preset): string {
  if ("mend" in audience) return audience.mend;
  if (audience.from === "template")
    return "let the app use the project of this gateway; if this is it, AUTH_ISSUER";
  if (audience.from === "clients") return "if it is an app of yours, AUTH_CLIENT_IDS";
  return "let the app ask for the audience of this API; if this is it, AUTH_AUDIENCE";
}

export function audienceRuleOf(preset: Preset, audiences: readonly string[]): AudienceRule {
  if (preset.audience.from === "none" && audiences.length === 0) return "absent";
  return "match" in preset.audience ? "equals" : "contains";
}
