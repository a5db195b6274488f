import type { SettingsReader } from "./settings-reader.js";
import type { AuthPolicy } from "../auth/policy.js";
import type { PresetName } from "../auth/presets/presets.js";
import { hasEventSource, providerSecretNames, type EventSettings } from "../http/events/event-settings.js";

/**
 * By preset: the token claim with the same value as the user id in the provider's own signup events, or `null` where the
 * team defines the events itself. Source: the providers' documentation of tokens and of events.
 */
const eventUserIdClaims: Record<PresetName, string | null> = {
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

const findEventUserIdClaim = (provider: string): string | null =>
  Object.hasOwn(eventUserIdClaims, provider) ? eventUserIdClaims[provider as PresetName] : null;

/**
 * Reports settings under which an event and a token could never name the same user. Every signup would then create a
 * Vital user that no viewer ever uses, and every viewer another one.
 */
export function checkEventPairing(reader: SettingsReader, auth: AuthPolicy, events: EventSettings): void {
  if (!hasEventSource(events)) return;
  const { provider, userIdClaim } = auth;
  const expected = findEventUserIdClaim(provider);
  if (expected !== null && userIdClaim !== expected && events.customFormat.userId === null) {
    reader.problem(
      "AUTH_USER_ID_CLAIM",
      `signup events of ${provider} identify the user by the value of the claim ${expected}, not ${userIdClaim}; ` +
        "remove this setting, or set EVENTS_USER_ID_POINTER to where your events contain the same value",
    );
  }
  for (const sender of Object.keys(providerSecretNames) as (keyof typeof providerSecretNames)[]) {
    const isForeign = expected !== null && provider !== sender && events.providerKeys[sender].length > 0;
    if (isForeign) {
      reader.problem(
        providerSecretNames[sender],
        `its events name users of ${sender}, but AUTH_PROVIDER=${provider} signs in users of another provider; remove one`,
      );
    }
  }
}
