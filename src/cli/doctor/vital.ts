import type { GatewayConfig } from "../../config/config.js";
import { formatDeployment, type TeamRecord } from "../../core/vital/deployment.js";
import { createProxyFinder } from "../../http-client/outbound-proxies.js";
import { createVitalClient } from "../../vital/vital-client.js";
import { checkService, ok, problem, type Finding } from "./finding.js";
import { addRoute } from "./route.js";

/** Checks the API key. Returns the team of the key as well, if a user of it shows the team. */
export async function checkVital({ vital, proxies }: GatewayConfig) {
  let teamId = null as string | null;
  const client = createVitalClient({ ...vital, findProxy: createProxyFinder(proxies) });
  const { environment, region } = vital.deployment;
  const fix = "check that VITAL_API_KEY is valid for this environment and region, and check VITAL_API_URL";
  const findings = await checkService("Vital", fix, async () => {
    teamId = (await client.findAnyUser())?.teamId ?? null;
    return [ok("Vital", `accepts the API key (${environment}, ${region})`)];
  });
  await client.close();
  return { findings: findings.map((finding) => addRoute(finding, proxies, vital.apiUrl)), teamId };
}

/** Compares the team of the stored mappings with the team of the API key, as far as both are known. */
export function compareTeam(
  { vital }: GatewayConfig,
  team: TeamRecord | null,
  teamId: string | null,
): Finding[] {
  if (team === null) return [];
  const fix = "use the API key of that team, environment and region, or another database";
  const [ofKey, ofMappings] = [formatDeployment(vital.deployment), formatDeployment(team)];
  if (ofKey !== ofMappings) {
    return [problem("team", `the key is for ${ofKey}, the mappings for ${ofMappings}`, fix)];
  }
  if (team.teamId === null || teamId === null) return [];
  return team.teamId === teamId
    ? [ok("team", `the mappings belong to it (${teamId})`)]
    : [problem("team", `the key belongs to team ${teamId}, the mappings to team ${team.teamId}`, fix)];
}
