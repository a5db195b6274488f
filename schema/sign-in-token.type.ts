import { Field, ID, ObjectType } from "type-graphql";
import type { VitalUserId } from "../src/core/mapping/app-user-id.js";
import type * as Deployment from "../src/core/vital/deployment.js";
import { VitalEnvironment, VitalRegion } from "./vital-deployment.type.js";

@ObjectType({
  description: "A short-lived token that signs the Vital Mobile SDK in as the viewer's Vital user.",
  simpleResolvers: true,
})
export class VitalSignInToken {
  @Field(() => ID, { description: "The Vital user that the token signs in." })
  userId!: VitalUserId;

  @Field(() => String, { description: "Opaque; pass it to the Vital Mobile SDK immediately." })
  signInToken!: string;

  @Field(() => VitalEnvironment, { description: "The Vital environment that issued the token." })
  environment!: Deployment.VitalEnvironment;

  @Field(() => VitalRegion, { description: "The Vital region that the SDK must be configured for." })
  region!: Deployment.VitalRegion;
}
