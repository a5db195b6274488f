import { z } from "zod";

/** A user as Vital's answers show it; only what the product relies on. Source: Vital's OpenAPI, `ClientFacingUser`. */
export const WireUser = z.object({
  user_id: z.uuid().toLowerCase(),
  client_user_id: z.string().optional(),
  team_id: z.uuid().toLowerCase().nullish(),
});
export type WireUser = z.infer<typeof WireUser>;

/** One page of the team's users. */
export const WireUserList = z.object({ users: z.array(WireUser) });

/** The answer to a create whose client user id is taken: the existing user stands in it. */
export const WireConflict = z.object({
  detail: z.object({ user_id: z.uuid().toLowerCase() }).or(z.object({ user_id: z.null().optional() })),
});

/** Source: Vital's OpenAPI, `UserSignInTokenResponse`. */
export const WireSignInToken = z.object({
  user_id: z.uuid().toLowerCase(),
  sign_in_token: z.string().min(1),
});

/** In place of a reason where an answer gives none in a form that Vital uses. */
export const noReasonGiven = "no reason given";

/**
 * What an error answer says, as text for an operator. `detail` may be a string, an object, a list of validation
 * problems, or absent; everything but the fields named here is left out, because it may repeat what was sent.
 */
export function toErrorText(body: unknown): string {
  const detail = z.object({ detail: z.unknown() }).safeParse(body).data?.detail;
  const text = z.string().safeParse(detail).data;
  if (text !== undefined) return text.slice(0, 200);
  const named = z.object({ error_message: z.string() }).safeParse(detail).data;
  if (named !== undefined) return named.error_message.slice(0, 200);
  const problems = z.array(z.object({ msg: z.string() })).safeParse(detail).data;
  return (
    problems
      ?.map(({ msg }) => msg)
      .join("; ")
      .slice(0, 200) ?? noReasonGiven
  );
}
