/** A Vital environment and region. The API key decides both, and each mapping stores the ones that it belongs to. */
export type VitalEnvironment = "sandbox" | "production";
export type VitalRegion = "us" | "eu";
export type Deployment = { environment: VitalEnvironment; region: VitalRegion };

/** Two deployments are the same exactly when their texts are. */
export const formatDeployment = ({ environment, region }: Deployment): string => `${environment}/${region}`;

/** What is stored about the team of the mappings. `teamId` is that of Vital's first response that carries one. */
export type TeamRecord = Deployment & { teamId: string | null };
