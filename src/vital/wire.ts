import { z } from "zod";

/** A user in Vital's responses: only the fields that the product needs. Source: Vital's OpenAPI, `ClientFacingUser`. */
export const WireUser = z.object({
  user_id: z.uuid().toLowerCase(),
  client_user_id: z.string().optional(),
  team_id: z.uuid().toLowerCase().nullish(),
});
export type WireUser = z.infer<typeof WireUser>;

/** One page of the team's users. */
export const WireUserList = z.object({ users: z.array(WireUser) });

/** The response to a create whose client user id already exists. It may name the existing user. */
export const WireConflict = z.object({
  detail: z.object({ user_id: z.uuid().toLowerCase() }).or(z.object({ user_id: z.null().optional() })),
});

/** Source: Vital's OpenAPI, `UserSignInTokenResponse`. */
export const WireSignInToken = z.object({
  user_id: z.uuid().toLowerCase(),
  sign_in_token: z.string().min(1),
});

/** Used when a response contains no reason in any of Vital's formats. */
export const noReasonGiven = "no reason given";

/**
 * Returns the reason in an error response, as text for an operator. `detail` may be a string, an object, a list of
 * validation problems, or absent. No other field is included, because it may repeat the request.
 */
export function toErrorText(body: unknown): string {
  const detail = z.object({ detail: z.unknown() }).safeParse(body).data?.detail;
  const text = z.string().safeParse(detail).data;
  if (text !== undefined) return text;
  const named = z.object({ error_message: z.string() }).safeParse(detail).data;
  if (named !== undefined) return named.error_message;
  const problems = z.array(z.object({ msg: z.string() })).safeParse(detail).data;
  return problems?.map(({ msg }) => msg).join("; ") ?? noReasonGiven;
}
