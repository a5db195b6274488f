import type { SettingsReader } from "../../config/settings-reader.js";
import type { Preset } from "../presets/preset.js";

const words = (text: string): readonly string[] => text.split(" ");

/** Ids that people change or that are given to the next person. */
const reusableIdClaims = words("email preferred_username upn unique_name username name nickname");

/** Claims that say something else than who somebody is: of their users, many would be taken for one, or one for many. */
const nonUserClaims = words(
  "iss aud exp nbf iat jti auth_time acr amr typ ver token_use idtyp azp client_id cid appid scope scp role roles " +
    "tid sid session_id",
);

/** Reads `AUTH_USER_ID_CLAIM`, with what is to be warned of. */
export function readUserIdClaim(
  preset: Preset,
  reader: SettingsReader,
): { claim: string; warnings: string[] } {
  const configured = reader.text("AUTH_USER_ID_CLAIM");
  if (configured === undefined && preset.userIdClaim === "") {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      "is required: the claim with the id that your signup events carry, such as sub",
    );
  }
  const claim = configured ?? preset.userIdClaim;
  if (nonUserClaims.includes(claim)) {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      `"${claim}" is refused: it does not say who the user is, so that people would be taken for each other; ` +
        "write the claim with the id that your signup events carry, such as sub",
    );
  }
  if (!reusableIdClaims.includes(claim)) return { claim, warnings: [] };
  return {
    claim,
    warnings: [
      `AUTH_USER_ID_CLAIM=${claim} can pass from one person to another, and with it the health data: use an id that is never given twice`,
    ],
  };
}
