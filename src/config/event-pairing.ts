import type { SettingsReader } from "./settings-reader.js";
import type { AuthPolicy } from "../auth/policy.js";
import type { PresetName } from "../auth/presets/presets.js";
import { hasEventSource, providerSecretNames, type EventSettings } from "../http/events/event-settings.js";

/**
 * The token claim that has the same value as the user id in the provider's own signup events, or `null` where the
 * events are the team's own affair. Source: the providers' documentation of tokens and of events.
 */
const claimOfEventId: Record<PresetName, string | null> = {
  rfc9068: null,
  custom: null,
  auth0: "sub",
  clerk: "sub",
  "clerk-oauth": "sub",
  cognito: "sub",
  "cognito-id": "sub",
  firebase: "sub",
  supabase: "sub",
  "supabase-legacy": "sub",
  okta: "uid",
  entra: "oid",
  "entra-external": "oid",
  b2c: null,
  keycloak: "sub",
  ory: "sub",
  zitadel: "sub",
  workos: "sub",
  stytch: "sub",
  descope: "sub",
  fusionauth: "sub",
  "better-auth": "sub",
  "better-auth-oauth": "sub",
};

const claimOf = (provider: string): string | null =>
  Object.hasOwn(claimOfEventId, provider) ? claimOfEventId[provider as PresetName] : null;

/**
 * Refuses settings under which an event and a token could never mean the same user: then every signup would make a
 * Vital user that no viewer ever gets, and every viewer another one.
 */
export function checkEventPairing(reader: SettingsReader, auth: AuthPolicy, events: EventSettings): void {
  if (!hasEventSource(events)) return;
  const { provider, userIdClaim } = auth;
  const expected = claimOf(provider);
  if (expected !== null && userIdClaim !== expected && events.customFormat.userId === null) {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      `signup events of ${provider} name the user as the claim ${expected} does, not as ${userIdClaim}; leave it ` +
        "out, or set EVENTS_USER_ID_POINTER to where your events have the same value",
    );
  }
  for (const sender of Object.keys(providerSecretNames) as (keyof typeof providerSecretNames)[]) {
    const isForeign = expected !== null && provider !== sender && events.providerKeys[sender].length > 0;
    if (isForeign) {
      reader.problem(
        providerSecretNames[sender],
        `its events name users of ${sender}, and AUTH_PROVIDER=${provider} signs in others; drop one`,
      );
    }
  }
}
