import type { Preset } from "./preset.js";
import { hostedPresets } from "./hosted-presets.js";
import { microsoftPresets } from "./microsoft-presets.js";
import { selfHostedPresets } from "./self-hosted-presets.js";
import { standardPresets } from "./standard-presets.js";
import { supabasePresets } from "./supabase-presets.js";

/** Every provider that `AUTH_PROVIDER` accepts. */
export const presets = {
  ...standardPresets,
  ...hostedPresets,
  ...supabasePresets,
  ...microsoftPresets,
  ...selfHostedPresets,
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];
