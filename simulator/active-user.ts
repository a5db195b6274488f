import { ApiError } from "./operation.js";
import type { User, UserStore } from "./user-store.js";

export const unknownUser = "The user does not or no longer exists in this team";
const deletedUser = "The user has been scheduled for deletion as per your previous request";

/** @throws ApiError 404 with the texts of writes and sign-in tokens. Reads use other texts. */
export function getActiveUser(
  users: UserStore,
  { teamId }: Readonly<{ teamId: string }>,
  vitalUserId: string,
): User {
  const user = users.find(teamId, vitalUserId);
  if (user === null) throw new ApiError(404, unknownUser);
  if (user.deletedAt !== null) throw new ApiError(404, deletedUser);
  return user;
}
