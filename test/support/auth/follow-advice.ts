import type { Claims } from "./provider-cases.js";
import { withoutUndefined } from "./test-authentication.js";

type Settings = Readonly<Record<string, string>>;
type RejectedToken = { header: Claims; claims: Claims };

/**
 * How an operator follows one kind of advice: the settings to change, where `undefined` removes one, or `null` if the
 * condition of the advice does not hold for the token.
 */
type Follow = (
  settings: Settings,
  token: RejectedToken,
  match: RegExpExecArray,
) => Record<string, string | undefined> | null;

const addTo = (list: string | undefined, values: readonly unknown[]): string =>
  [...new Set([...(list ?? "").split(",").filter((value) => value !== ""), ...values])].join(",");

const listTexts = (value: unknown): unknown[] => [value].flat().filter((text) => typeof text === "string");

/** The audience is the client in tokens that have no claim for it. */
function listClients({ claims }: RejectedToken): unknown[] {
  const named = ["azp", "client_id", "cid", "appid", "applicationId"].flatMap((name) =>
    listTexts(claims[name]),
  );
  return named.length > 0 ? named : listTexts(claims.aud);
}

/** Every way in which a fix says what to set. */
const advice: readonly [pattern: RegExp, follow: Follow][] = [
  [
    /add its client id to AUTH_CLIENT_IDS/,
    (settings, token) => ({ AUTH_CLIENT_IDS: addTo(settings.AUTH_CLIENT_IDS, listClients(token)) }),
  ],
  [
    /have no audience but name their client, set AUTH_CLIENT_IDS instead of AUTH_AUDIENCE/,
    (_settings, token) => {
      const clients = listClients(token);
      return clients.length === 0 ? null : { AUTH_CLIENT_IDS: addTo("", clients), AUTH_AUDIENCE: undefined };
    },
  ],
  [
    /add it to AUTH_AUDIENCE|set AUTH_AUDIENCE to it/,
    (settings, { claims }) => ({ AUTH_AUDIENCE: addTo(settings.AUTH_AUDIENCE, listTexts(claims.aud)) }),
  ],
  [/remove AUTH_AUDIENCE/, () => ({ AUTH_AUDIENCE: undefined })],
  [
    /set AUTH_ALGORITHMS to a list with it/,
    (settings, { header }) => ({ AUTH_ALGORITHMS: addTo(settings.AUTH_ALGORITHMS, [header.alg]) }),
  ],
  [
    /set AUTH_PROVIDER or AUTH_TOKEN_TYPES/,
    (_settings, { header }) => ({ AUTH_TOKEN_TYPES: addTo("", [header.typ ?? "absent"]) }),
  ],
  [/set AUTH_ISSUER to exactly this value/, (_settings, { claims }) => ({ AUTH_ISSUER: String(claims.iss) })],
  [
    /set (AUTH_ALLOW_(?:ACTOR|NONCE)|AUTH_USER_ID_CLAIM)=(\w+)/,
    (_settings, _token, [, name = "", value]) => ({ [name]: value }),
  ],
  [
    /to accept access tokens, set AUTH_PROVIDER=(\w+)/,
    (_settings, _token, [, provider]) => ({ AUTH_PROVIDER: provider }),
  ],
  [/raise AUTH_DESCOPE_MAX_LIFETIME_SECONDS/, () => ({ AUTH_DESCOPE_MAX_LIFETIME_SECONDS: "86400" })],
  [/(?:set|change) AUTH_USER_ID_FORMAT/, () => ({ AUTH_USER_ID_FORMAT: "any" })],
];

/** Advice that names a setting and leaves open what to do with it. */
const openAdvice = [
  /check AUTH_PROVIDER=\S+: as AUTH_ISSUER, this value .*/,
  /check (?:that the app and )?AUTH_(?:ISSUER|PROVIDER)/,
  /AUTH_USER_ID_CLAIM to another one/,
  /mapper for AUTH_AUDIENCE/,
  /if the project uses signing keys, set AUTH_PROVIDER=supabase/,
];

/**
 * Returns the settings after each piece of advice in a fix has been followed on its own.
 * @throws Error when a setting is named in a way that this function does not know
 */
export function followAdvice(fix: string, settings: Settings, token: RejectedToken): Settings[] {
  let unknown = openAdvice.reduce((text, pattern) => text.replace(pattern, ""), fix);
  const results = advice.flatMap(([pattern, follow]) => {
    const match = pattern.exec(fix);
    if (match === null) return [];
    unknown = unknown.replace(pattern, "");
    const changes = follow(settings, token, match);
    return changes === null ? [] : [withoutUndefined({ ...settings, ...changes })];
  });
  if (unknown.includes("AUTH_")) throw new Error(`no way is known to follow: ${fix}`);
  return results;
}
