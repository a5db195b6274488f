import { Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import type { AppUserId } from "../src/core/mapping/app-user-id.js";
import type { Mapping, MappingState } from "../src/core/mapping/mapping.js";
import { Viewer, VitalUser, VitalUserState, type GraphqlContext } from "./viewer.type.js";

export type MappingLookup = { find(appUserId: AppUserId): Promise<Mapping | null> };

/** The app sees a Vital user as deleted from the moment its deletion is requested. */
const shownStates: Record<MappingState, VitalUserState> = {
  pending: VitalUserState.PENDING,
  active: VitalUserState.ACTIVE,
  failed: VitalUserState.FAILED,
  deleting: VitalUserState.DELETED,
  deleted: VitalUserState.DELETED,
};

const toVitalUser = (mapping: Mapping): VitalUser => ({
  id: mapping.state === "active" ? mapping.vitalUserId : null,
  state: shownStates[mapping.state],
  environment: mapping.environment,
  region: mapping.region,
  activatedAt: mapping.state === "active" ? mapping.activatedAt : null,
});

@Resolver(() => Viewer)
export class ViewerResolver {
  constructor(private readonly mappings: MappingLookup) {}

  @Query(() => Viewer, { description: "The authenticated caller." })
  viewer(@Ctx() { viewer }: GraphqlContext): Viewer {
    return { id: viewer.appUserId };
  }

  @FieldResolver(() => VitalUser, {
    nullable: true,
    description: "The viewer's Vital user; null until provisioning is requested.",
  })
  async vitalUser(@Root() viewer: Viewer): Promise<VitalUser | null> {
    const mapping = await this.mappings.find(viewer.id);
    return mapping === null ? null : toVitalUser(mapping);
  }
}
