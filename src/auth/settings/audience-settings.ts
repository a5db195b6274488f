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
  const configured = readExactList("AUTH_AUDIENCE", reader);
  if (preset.audience.from === "clients") {
    if (configured.length > 0) {
      reader.problem(
        "AUTH_AUDIENCE",
        "must not be set: the audience of these tokens is the client; set AUTH_CLIENT_IDS",
      );
    }
    return [];
  }
  for (const audience of configured) {
    const rejected = preset.rejectedAudiences?.find(({ pattern }) => pattern.test(audience));
    if (rejected !== undefined)
      reader.problem("AUTH_AUDIENCE", `"${audience}" is refused: ${rejected.reason}`);
  }
  if (configured.length === 0 && preset.audience.from === "setting") {
    reader.problem("AUTH_AUDIENCE", `is required: ${preset.audience.hint}`);
  }
  return configured;
}

/** What to do about a token with another audience: how a provider is asked for one differs. */
export function toAudienceFix({ audience }: Preset): string {
  if ("fix" in audience) return audience.fix;
  if (audience.from === "template")
    return "let the app use the project of this gateway; if this is it, AUTH_ISSUER";
  if (audience.from === "clients") return "if it is an app of yours, AUTH_CLIENT_IDS";
  return "let the app ask for the audience of this API; if this is it, AUTH_AUDIENCE";
}

export function toAudienceRule(preset: Preset, audiences: readonly string[]): AudienceRule {
  if (preset.audience.from === "none" && audiences.length === 0) return "absent";
  return "match" in preset.audience ? "equals" : "contains";
}
