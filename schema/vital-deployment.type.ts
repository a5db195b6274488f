import { registerEnumType } from "type-graphql";

/** GraphQL names for the two parts of a deployment, mapped to the values that the core uses. */
export const VitalEnvironment = { SANDBOX: "sandbox", PRODUCTION: "production" } as const;
export const VitalRegion = { US: "us", EU: "eu" } as const;

registerEnumType(VitalEnvironment, {
  name: "VitalEnvironment",
  description: "The environment of the Vital team.",
});
registerEnumType(VitalRegion, {
  name: "VitalRegion",
  description:
    "The region that stores the Vital team's data; the Vital Mobile SDK must be configured for the same region.",
});
