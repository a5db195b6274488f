import type { SettingsReader } from "../../config/settings-reader.js";
import { isSafeTransport, parseHttpUrl } from "../http-url.js";
import type { ClaimCondition, ClaimRequirement, IssuerPolicy, KeySource } from "../policy.js";
import type { IssuerFormat, Preset } from "../presets/preset.js";
import type { PresetSettings } from "./preset-settings.js";

const httpHint =
  "with plain http, anyone on the network path can replace the keys; use https (or AUTH_ALLOW_HTTP=true in a closed network)";

/** Returns the value of the placeholder `{name}` in a preset. Reports a missing value and returns "" for it. */
type FillIn = (name: string) => string;

const fillText = (text: string, fillIn: FillIn): string =>
  text.replace(/\{(\w+)\}/g, (_placeholder, name: string) => fillIn(name));

const fillCondition = <T extends ClaimCondition>(condition: T, fillIn: FillIn): T =>
  condition.is === undefined
    ? condition
    : {
        ...condition,
        is: condition.is.map((value) => (typeof value === "string" ? fillText(value, fillIn) : value)),
      };

const fillRequirement = (requirement: ClaimRequirement, fillIn: FillIn): ClaimRequirement =>
  "anyOf" in requirement
    ? { ...requirement, anyOf: requirement.anyOf.map((condition) => fillCondition(condition, fillIn)) }
    : fillCondition(requirement, fillIn);

/** Returns `AUTH_WORKOS_CLIENT_ID` for the placeholder `clientId` of the preset `workos`. */
const toSettingName = (preset: Preset, name: string): string =>
  `${preset.settingsPrefix}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

type IssuerContext = {
  preset: Preset;
  presetSettings: PresetSettings;
  audiences: readonly string[];
  allowHttp: boolean;
};

const findFormat = (issuer: string, preset: Preset): IssuerFormat | undefined =>
  preset.issuers.find(({ pattern }) => pattern.test(issuer));

/** Returns why an issuer must not be in `AUTH_ISSUER`, or `null`. */
export function findIssuerProblem(issuer: string, preset: Preset, allowHttp: boolean): string | null {
  const rejected = preset.rejectedIssuers?.find(({ pattern }) => pattern.test(issuer));
  if (rejected !== undefined) return `is not allowed: ${rejected.reason}`;
  if (/[*\s,]/.test(issuer)) return "must be one exact issuer, without wildcards or spaces";
  if (findFormat(issuer, preset) === undefined)
    return `is not in the format of this provider; an example is ${preset.exampleIssuer}`;
  const url = parseHttpUrl(issuer);
  if (/^https?:/.test(issuer) && url === null) return "is not a valid URL";
  return url !== null && !isSafeTransport(url, allowHttp) ? `is not allowed: ${httpHint}` : null;
}

/** Reads `AUTH_JWKS_URL`: one URL for all issuers, or one for each in the same order. */
function readJwksUrls(reader: SettingsReader, issuerCount: number, allowHttp: boolean): string[] {
  const texts = reader.list("AUTH_JWKS_URL");
  if (texts.length > 1 && texts.length !== issuerCount) {
    reader.problem(
      "AUTH_JWKS_URL",
      "must be one URL, or as many URLs as AUTH_ISSUER has issuers, in the same order",
    );
  }
  for (const text of texts) {
    const url = parseHttpUrl(text);
    if (url === null || `${url.username}${url.password}` !== "") {
      reader.problem(
        "AUTH_JWKS_URL",
        "must be the http(s) URL of a JWKS document, without a user name or password",
      );
    } else if (!isSafeTransport(url, allowHttp)) {
      reader.problem("AUTH_JWKS_URL", `"${text}" is not allowed: ${httpHint}`);
    }
  }
  return texts;
}

/**
 * Creates the function that fills in the placeholders for one issuer. It reports a placeholder without a value as a
 * problem of the setting that could contain the value.
 */
function createFillIn(
  reader: SettingsReader,
  { issuer, format }: { issuer: string; format: IssuerFormat },
  { preset, presetSettings }: IssuerContext,
): FillIn {
  const known: Record<string, string | undefined> = {
    issuer,
    origin: parseHttpUrl(issuer)?.origin,
    ...presetSettings.values,
    ...format.pattern.exec(issuer)?.groups,
  };
  return (name) => {
    const setting = toSettingName(preset, name);
    const value = known[name] ?? reader.text(setting);
    if (value === undefined) {
      const message = `is required, because the issuer "${issuer}" does not contain it`;
      if (!reader.problems.includes(`${setting}: ${message}`)) reader.problem(setting, message);
    } else if (/[*\s]/.test(value)) {
      reader.problem(setting, "must not contain wildcards or spaces");
    }
    return value ?? "";
  };
}

function readKeySource(
  reader: SettingsReader,
  { issuer, format, fillIn }: { issuer: string; format: IssuerFormat; fillIn: FillIn },
  { jwksUrl, secret }: { jwksUrl: string | undefined; secret: PresetSettings["secret"] },
): KeySource {
  if (secret !== undefined) {
    if (jwksUrl !== undefined) {
      reader.problem(
        "AUTH_JWKS_URL",
        "must not be set together with a shared secret; for signing keys, use AUTH_PROVIDER=supabase",
      );
    }
    return { from: "secret", secret };
  }
  if (jwksUrl !== undefined) return { from: "jwks", url: jwksUrl };
  if (format.jwks !== undefined) return { from: "jwks", url: fillText(format.jwks, fillIn) };
  if (format.discovery !== undefined) return { from: "discovery", url: fillText(format.discovery, fillIn) };
  if (parseHttpUrl(issuer) === null) {
    reader.problem("AUTH_JWKS_URL", `is required, because the issuer "${issuer}" is not a URL`);
  }
  // OpenID Connect Discovery 1.0 §4.1: a trailing slash is removed first.
  return { from: "discovery", url: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration` };
}

/** Reads `AUTH_ISSUER` and `AUTH_JWKS_URL`: the accepted issuers, and where each publishes its keys. */
export function readIssuers(reader: SettingsReader, context: IssuerContext): IssuerPolicy[] {
  const { preset, presetSettings, audiences, allowHttp } = context;
  const issuers = [...new Set(reader.list("AUTH_ISSUER"))];
  if (issuers.length === 0) {
    reader.problem(
      "AUTH_ISSUER",
      `is required: the exact iss of your access tokens, for example ${preset.exampleIssuer}`,
    );
  }
  const jwksUrls = readJwksUrls(reader, issuers.length, allowHttp);
  return issuers.flatMap((issuer, index): IssuerPolicy[] => {
    const problem = findIssuerProblem(issuer, preset, allowHttp);
    if (problem !== null) reader.problem("AUTH_ISSUER", `"${issuer}" ${problem}`);
    const format = problem === null ? findFormat(issuer, preset) : undefined;
    if (format === undefined) return [];
    const fillIn = createFillIn(reader, { issuer, format }, context);
    const jwksUrl = jwksUrls.length > 1 ? jwksUrls[index] : jwksUrls[0];
    const requirements = [...preset.requirements, ...(format.requirements ?? [])];
    return [
      {
        issuer,
        keys: readKeySource(reader, { issuer, format, fillIn }, { jwksUrl, secret: presetSettings.secret }),
        audiences:
          audiences.length === 0 && preset.audience.from === "template"
            ? [fillText(preset.audience.template, fillIn)]
            : audiences,
        requirements: requirements.map((requirement) => fillRequirement(requirement, fillIn)),
      },
    ];
  });
}
