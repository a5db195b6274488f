import { Field, ID, ObjectType } from "type-graphql";
import type { VitalUserId } from "../src/core/mapping/app-user-id.js";
import type * as Team from "../src/core/vital/deployment.js";
import { VitalEnvironment, VitalRegion } from "./vital-deployment.type.js";

@ObjectType({
  description: "A short-lived token that signs the Vital Mobile SDK in as the viewer's Vital user.",
  simpleResolvers: true,
})
export class VitalSignInToken {
  @Field(() => ID, { description: "The Vital user that the token signs in." })
  userId!: VitalUserId;

  @Field(() => String, { description: "Opaque; give it to the Vital Mobile SDK at once." })
  signInToken!: string;

  @Field(() => VitalEnvironment, { description: "Which of Vital's environments issued it." })
  environment!: Team.VitalEnvironment;

  @Field(() => VitalRegion, { description: "The region that the SDK must be configured for." })
  region!: Team.VitalRegion;
}
