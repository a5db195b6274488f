import { registerEnumType } from "type-graphql";

/** GraphQL names of the two halves of a Vital team's place, over the values that the core uses. */
export const VitalEnvironment = { SANDBOX: "sandbox", PRODUCTION: "production" } as const;
export const VitalRegion = { US: "us", EU: "eu" } as const;

registerEnumType(VitalEnvironment, {
  name: "VitalEnvironment",
  description: "Which of Vital's environments the team uses.",
});
registerEnumType(VitalRegion, {
  name: "VitalRegion",
  description:
    "Where Vital keeps the team's data; the Vital Mobile SDK must be configured for the same region.",
});
