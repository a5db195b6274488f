import { GraphQLDateTime } from "graphql-scalars";
import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import type { AppUserId, VitalUserId } from "../src/core/mapping/app-user-id.js";
import type * as Team from "../src/core/vital/deployment.js";
import { VitalEnvironment, VitalRegion } from "./vital-deployment.type.js";

export const VitalUserState = {
  PENDING: "pending",
  ACTIVE: "active",
  FAILED: "failed",
  DELETED: "deleted",
} as const;
export type VitalUserState = (typeof VitalUserState)[keyof typeof VitalUserState];

registerEnumType(VitalUserState, {
  name: "VitalUserState",
  description: "How far the provisioning of a Vital user has come.",
  valuesConfig: {
    PENDING: { description: "Asked for and on its way." },
    ACTIVE: { description: "It exists: sign-in tokens can be issued." },
    FAILED: { description: "Vital refused to create it; somebody has to look at it." },
    DELETED: { description: "The app user was deleted, and the Vital user with it." },
  },
});

@ObjectType({ description: "The viewer's user at Vital.", simpleResolvers: true })
export class VitalUser {
  @Field(() => ID, {
    nullable: true,
    description: "The id to compare with the SDK's current user id; null until ACTIVE.",
  })
  id!: VitalUserId | null;

  @Field(() => VitalUserState, { description: "How far provisioning has come." })
  state!: VitalUserState;

  @Field(() => VitalEnvironment, { description: "Which of Vital's environments it belongs to." })
  environment!: Team.VitalEnvironment;

  @Field(() => VitalRegion, { description: "Where Vital keeps its data." })
  region!: Team.VitalRegion;

  @Field(() => GraphQLDateTime, { nullable: true, description: "Since when it is ACTIVE." })
  activatedAt!: Date | null;
}

@ObjectType({ description: "The app user that the access token names." })
export class Viewer {
  @Field(() => ID, { description: "The app user id.", simple: true })
  id!: AppUserId;
}
