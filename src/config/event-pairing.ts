import type { SettingsReader } from "./settings-reader.js";
import type { AuthPolicy } from "../auth/policy.js";
import type { PresetName } from "../auth/presets/presets.js";
import { hasEventSource, providerSecretNames, type EventSettings } from "../http/events/event-settings.js";

/**
 * By preset: the token claim that has the same value as the user id in the provider's signup events, or `null` if the
 * app's developers define the events themselves. Source: the providers' documentation of tokens and of events.
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
 * Reports settings with which events and tokens identify the same user by different ids. Every signup would then create
 * a Vital user that is never used, and the first sign-in of each viewer would create a second one.
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
    if (expected !== null && provider !== sender && events.providerKeys[sender].length > 0) {
      reader.problem(
        providerSecretNames[sender],
        `events of ${sender} identify users of ${sender}, but AUTH_PROVIDER is ${provider}; ` +
          "remove this setting or change AUTH_PROVIDER",
      );
    }
  }
}
