import type { SettingsReader } from "../../config/settings-reader.js";
import type { Preset } from "../presets/preset.js";

const words = (text: string): readonly string[] => text.split(" ");

/** Ids that a person can change, or that can be assigned to another person later. */
const reusableIdClaims = words("email preferred_username upn unique_name username name nickname");

/** Claims that do not identify a user: many users would share one id, or one user would have many. */
const nonUserClaims = words(
  "iss aud exp nbf iat jti auth_time acr amr typ ver token_use idtyp azp client_id cid appid scope scp role roles " +
    "tid sid session_id",
);

/** Reads `AUTH_USER_ID_CLAIM`, and returns warnings about the choice. */
export function readUserIdClaim(
  preset: Preset,
  reader: SettingsReader,
): { claim: string; warnings: string[] } {
  const configured = reader.text("AUTH_USER_ID_CLAIM");
  if (configured === undefined && preset.userIdClaim === "") {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      "is required: the claim with the same id as in your signup events, for example sub",
    );
  }
  const claim = configured ?? preset.userIdClaim;
  if (nonUserClaims.includes(claim)) {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      `"${claim}" is not allowed: it does not identify the user, so one person could get the data of another; ` +
        "use the claim with the same id as in your signup events, for example sub",
    );
  }
  if (!reusableIdClaims.includes(claim)) return { claim, warnings: [] };
  return {
    claim,
    warnings: [
      `AUTH_USER_ID_CLAIM=${claim}: this id can pass from one person to another, and the health data with it; use an id that is never reassigned`,
    ],
  };
}
