/** A Vital environment and region. The API key determines both. Each mapping stores its own deployment. */
export type VitalEnvironment = "sandbox" | "production";
export type VitalRegion = "us" | "eu";
export type Deployment = { environment: VitalEnvironment; region: VitalRegion };

/** Formats a deployment as `sandbox/us`. Two deployments are equal when their texts are equal. */
export const formatDeployment = ({ environment, region }: Deployment): string => `${environment}/${region}`;

/** The stored record of the mappings' team. `teamId` is null until a response from Vital contains a team id. */
export type TeamRecord = Deployment & { teamId: string | null };
