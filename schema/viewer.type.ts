import { GraphQLDateTime } from "graphql-scalars";
import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import type { AppUserId, VitalUserId } from "../src/core/mapping/app-user-id.js";
import type * as Deployment from "../src/core/vital/deployment.js";
import { VitalEnvironment, VitalRegion } from "./vital-deployment.type.js";

export const VitalUserState = {
  PENDING: "pending",
  ACTIVE: "active",
  FAILED: "failed",
  DELETED: "deleted",
} as const;
export type VitalUserState = (typeof VitalUserState)[keyof typeof VitalUserState];

/** The context that every resolver receives. */
export type GraphqlContext = { viewer: { appUserId: AppUserId }; requestId: string };

registerEnumType(VitalUserState, {
  name: "VitalUserState",
  description: "The state of a Vital user.",
  valuesConfig: {
    PENDING: { description: "Provisioning is in progress." },
    ACTIVE: { description: "The Vital user exists: sign-in tokens can be issued." },
    FAILED: { description: "Vital refused to create the Vital user; an operator has to fix the cause." },
    DELETED: { description: "The app user was deleted, and the Vital user is deleted with it." },
  },
});

@ObjectType({ description: "The viewer's user at Vital.", simpleResolvers: true })
export class VitalUser {
  @Field(() => ID, {
    nullable: true,
    description: "The id to compare with the SDK's current user id; null unless ACTIVE.",
  })
  id!: VitalUserId | null;

  @Field(() => VitalUserState, { description: "The state of the Vital user." })
  state!: VitalUserState;

  @Field(() => VitalEnvironment, { description: "The Vital environment that the Vital user belongs to." })
  environment!: Deployment.VitalEnvironment;

  @Field(() => VitalRegion, { description: "The Vital region that stores the Vital user's data." })
  region!: Deployment.VitalRegion;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When the Vital user became ACTIVE; null unless ACTIVE.",
  })
  activatedAt!: Date | null;
}

@ObjectType({ description: "The app user that the access token identifies." })
export class Viewer {
  @Field(() => ID, { description: "The app user id.", simple: true })
  id!: AppUserId;
}
