import { Ctx, Mutation, Resolver } from "type-graphql";
import type { SignInTokens } from "../src/core/tokens/sign-in-tokens.js";
import { VitalSignInToken } from "./sign-in-token.type.js";
import type { GraphqlContext } from "./viewer.type.js";

@Resolver(() => VitalSignInToken)
export class SignInTokenResolver {
  constructor(private readonly signInTokens: SignInTokens) {}

  @Mutation(() => VitalSignInToken, {
    description:
      "Issues a Vital Sign-In Token for the viewer. Call it once per sign-in, not at every app launch.",
  })
  async vitalSignInToken(@Ctx() { viewer }: GraphqlContext): Promise<VitalSignInToken> {
    const { vitalUserId, ...token } = await this.signInTokens.issue(viewer.appUserId);
    return { userId: vitalUserId, ...token };
  }
}
