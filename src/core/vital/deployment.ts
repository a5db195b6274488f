/** Which Vital team a mapping belongs to; both follow from the API key. */
export type VitalEnvironment = "sandbox" | "production";
export type VitalRegion = "us" | "eu";
export type Deployment = { environment: VitalEnvironment; region: VitalRegion };

/** A place in a sentence; two are the same where their phrases are. */
export const formatDeployment = ({ environment, region }: Deployment): string => `${environment}/${region}`;

/** What is remembered of the team; `teamId` from Vital's first answer that carries one. */
export type TeamRecord = Deployment & { teamId: string | null };
