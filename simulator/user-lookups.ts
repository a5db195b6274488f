import type { Caller } from "./api-key.js";
import { assertInScope } from "./authentication.js";
import { type ApiRequest, type ApiResponse, type Operation, type Scope, ApiError } from "./operation.js";
import { toSingleUserJson, toUserJson } from "./user-json.js";
import { parseListQuery, parseUserIdOfRead } from "./user-parameters.js";
import type { UserStore } from "./user-store.js";

/** The operations of Vital's server API that find users, with the statuses, bodies and quirks of recordings. */
export function createUserLookups({ users }: { users: UserStore }): Operation[] {
  const resolveUser = ({ params }: ApiRequest, { teamId }: Caller): ApiResponse => {
    const user = users.findByClientUserId(teamId, params.client_user_id);
    if (user === null) throw new ApiError(404, "User not found");
    return { status: 200, body: toSingleUserJson(user) };
  };

  const getUser = ({ params }: ApiRequest, scope: Scope): ApiResponse => {
    const vitalUserId = parseUserIdOfRead(params.user_id);
    assertInScope(scope, vitalUserId);
    const user = users.find(scope.teamId, vitalUserId);
    if (user === null) throw new ApiError(404, "Not found");
    if (user.deletedAt !== null) throw new ApiError(404, "You have scheduled this user for deletion.");
    return { status: 200, body: toSingleUserJson(user) };
  };

  const listUsers = ({ query }: ApiRequest, { teamId }: Caller): ApiResponse => {
    const { offset, limit } = parseListQuery(query);
    if (offset < 0 || limit < 0 || limit > 500) {
      return { status: 500, body: "Internal Server Error", headers: { "content-type": "text/plain" } };
    }
    const page = users.list(teamId, { offset, limit });
    const total = page.length === 0 ? 0 : users.countActive(teamId);
    return { status: 200, body: { users: page.map(toUserJson), total, offset, limit } };
  };

  const getTeamMetrics = (_request: ApiRequest, { teamId }: Caller): ApiResponse => ({
    status: 200,
    body: {
      team_id: teamId,
      number_of_users: users.countActive(teamId),
      number_of_connected_sources: users.countConnections(teamId),
      number_of_errored_connected_sources: 0,
      number_of_connected_sources_by_week: [],
      number_of_ordered_tests: 0,
    },
  });

  const withApiKey = { access: "api-key" } as const;
  return [
    { ...withApiKey, name: "list-users", method: "GET", paths: ["/v2/user", "/v2/user/"], run: listUsers },
    {
      ...withApiKey,
      name: "resolve-user",
      method: "GET",
      paths: ["/v2/user/resolve/:client_user_id"],
      run: resolveUser,
    },
    {
      ...withApiKey,
      name: "get-team-metrics",
      method: "GET",
      paths: ["/v2/user/metrics"],
      run: getTeamMetrics,
    },
    {
      access: "api-key-or-access-token",
      name: "get-user",
      method: "GET",
      paths: ["/v2/user/:user_id"],
      run: getUser,
    },
  ];
}
