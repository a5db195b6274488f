import type { AppUserId } from "../src/core/mapping/app-user-id.js";

/** What every resolver is given: the only user one can ask for, and the id that errors carry. */
export type GraphqlContext = { viewer: { appUserId: AppUserId }; requestId: string };
