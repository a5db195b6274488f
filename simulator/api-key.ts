import { createHash } from "node:crypto";

/** The team, environment and region that an API key belongs to. */
export type Caller = { environment: "sandbox" | "production"; region: "us" | "eu"; teamId: string };

const keyPattern = /^(sk|pk)_(us|eu)_(?:(team-[^_]+)_)?.+$/s;

/** Returns the same UUID for the same name in every run, so that the team id survives a restart. */
function toTeamId(teamName: string): string {
  const hex = createHash("sha256").update(`vital simulator team ${teamName}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Reads the prefix of a key: `sk_` means sandbox and `pk_` production (Vital's docs; not "secret" and "publishable"). The
 * region follows. `sk_us_team-b_…` belongs to the team `team-b`. All other keys belong to one default team, as the old and the new
 * key do in a rotation. Returns `null` for a key in another format.
 */
export function toCaller(apiKey: string): Caller | null {
  const match = keyPattern.exec(apiKey);
  if (match === null) return null;
  return {
    environment: match[1] === "sk" ? "sandbox" : "production",
    region: match[2] === "us" ? "us" : "eu",
    teamId: toTeamId(match[3] ?? "default"),
  };
}
