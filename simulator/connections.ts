import type { User } from "./user-store.js";
import { toVitalTime } from "./vital-time.js";

/** Seven days after the end of ingestion, Vital pauses all connections (its docs, data-ingestion-bounds). */
const pauseAfterMs = 7 * 24 * 3_600_000;

/** The providers that an SDK connects without a sign-in at the provider. Source: the Android SDK and Vital's docs. */
const names = {
  apple_health_kit: "Apple HealthKit",
  health_connect: "Health Connect",
  samsung_health: "Samsung Health",
  beurer_ble: "Beurer BLE",
  omron_ble: "Omron BLE",
  accuchek_ble: "Accu-Chek BLE",
  contour_ble: "Contour BLE",
  freestyle_libre_ble: "Freestyle Libre BLE",
  onetouch_ble: "OneTouch BLE",
  manual: "Manual",
} as const;
export type ManualProvider = keyof typeof names;
export const manualProviders = Object.keys(names) as ManualProvider[];

/** The other providers. Source: `Providers` of Vital's OpenAPI file. */
const cloudProviders =
  "oura fitbit garmin whoop strava renpho peloton wahoo zwift freestyle_libre abbott_libreview tandem_source eight_sleep " +
  "withings ihealth google_fit beurer_api omron dexcom dexcom_v3 hammerhead my_fitness_pal polar cronometer kardia " +
  "whoop_v2 ultrahuman my_fitness_pal_v2 map_my_fitness runkeeper google_health";
export const allProviders: readonly string[] = [...cloudProviders.split(" "), ...manualProviders];

/** The providers whose data an SDK synchronizes from the phone. */
export const healthProviders = ["apple_health_kit", "health_connect", "samsung_health"] as const;

const resources = ["activity", "body", "profile", "sleep", "workouts"];

const toProvider = (slug: string) => ({
  name: slug in names ? names[slug as ManualProvider] : slug,
  slug,
  logo: `https://storage.googleapis.com/vital-assets/${slug === "apple_health_kit" ? "apple_health" : slug}.png`,
});

/** Returns whether the ingestion of the user ended long enough ago. */
export function isPaused({ attributes: { ingestionEnd } }: User, now: number): boolean {
  return ingestionEnd !== null && Date.parse(ingestionEnd) + pauseAfterMs <= now;
}

/** Returns `providers` of the list of connections. Both SDKs need `created_on` and `resource_availability`. */
export const toConnections = (user: User, now: number) =>
  [...user.connections].map(([slug, connectedAt]) => ({
    ...toProvider(slug),
    created_on: toVitalTime(connectedAt),
    status: isPaused(user, now) ? "paused" : "connected",
    external_user_id: null,
    error_details: null,
    resource_availability: Object.fromEntries(
      (healthProviders.some((name) => name === slug) ? resources : []).map((resource) => [
        resource,
        { status: "available", scope_requirements: null },
      ]),
    ),
  }));

/** Returns `connected_sources` of a user. `source` is a deprecated copy of `provider`. */
export const toConnectedSources = ({ connections }: User) =>
  [...connections].map(([slug, connectedAt]) => {
    const provider = toProvider(slug);
    return { provider, created_on: toVitalTime(connectedAt), source: provider };
  });
