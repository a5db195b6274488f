import type { SettingsReader } from "../../config/settings-reader.js";
import type { AuthPolicy, UserIdFormat } from "../policy.js";
import type { Preset } from "../presets/preset.js";
import { userIdFormatNames, userIdFormats } from "../presets/user-id-formats.js";
import { otherClaimFix } from "../tokens/user-id-rules.js";

const words = (text: string): readonly string[] => text.split(" ");

/** Ids that a person can change, or that can be assigned to another person later. */
const reusableIdClaims = words("email preferred_username upn unique_name username name nickname");

/** Claims that do not identify a user: many users would share one id, or one user would have many. */
const nonUserClaims = words(
  "iss aud exp nbf iat jti auth_time acr amr typ ver token_use idtyp azp client_id cid appid scope scp role roles " +
    "tid sid session_id",
);

/**
 * Reads `AUTH_USER_ID_FORMAT`. The format of the preset does not apply to a claim that the preset does not use.
 *
 * The setting names a format and is not a pattern: a pattern of an operator could take minutes on the id of an
 * unsigned token.
 */
function readUserIdFormat(
  preset: Preset,
  isOwnClaim: boolean,
  reader: SettingsReader,
): { format: UserIdFormat | undefined; fix: string } {
  const name = reader.choice("AUTH_USER_ID_FORMAT", ["preset", ...userIdFormatNames], "preset");
  if (name === "preset") {
    return {
      format: isOwnClaim ? undefined : preset.userIdFormat,
      fix: "if your user ids have another format, set AUTH_USER_ID_FORMAT",
    };
  }
  return {
    format: userIdFormats[name],
    fix: `if your user ids have another format, change AUTH_USER_ID_FORMAT, which is ${name}`,
  };
}

type UserIdSettings = Pick<
  AuthPolicy,
  "userIdClaim" | "userIdFallbackClaim" | "userIdFormat" | "userIdFix" | "userIdFormatFix"
>;

function readClaim(preset: Preset, configured: string | undefined, reader: SettingsReader): string {
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
  return claim;
}

/** Reads `AUTH_USER_ID_CLAIM` and `AUTH_USER_ID_FORMAT`, and returns warnings about the choice. */
export function readUserId(
  preset: Preset,
  reader: SettingsReader,
): { settings: UserIdSettings; warnings: string[] } {
  const configured = reader.text("AUTH_USER_ID_CLAIM");
  const claim = readClaim(preset, configured, reader);
  const isOwnClaim = claim !== preset.userIdClaim && claim !== preset.userIdFallbackClaim;
  const { format, fix } = readUserIdFormat(preset, isOwnClaim, reader);
  const settings = {
    userIdClaim: claim,
    userIdFix: (claim === preset.userIdClaim ? preset.userIdFix : undefined) ?? otherClaimFix,
    userIdFormatFix: fix,
    ...(configured === undefined &&
      preset.userIdFallbackClaim !== undefined && { userIdFallbackClaim: preset.userIdFallbackClaim }),
    ...(format !== undefined && { userIdFormat: format }),
  };
  if (!reusableIdClaims.includes(claim)) return { settings, warnings: [] };
  return {
    settings,
    warnings: [
      `AUTH_USER_ID_CLAIM=${claim}: this id can pass from one person to another, and the health data with it; use an id that is never reassigned`,
    ],
  };
}
