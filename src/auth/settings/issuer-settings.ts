import type { SettingsReader } from "../../config/settings-reader.js";
import { isSafeTransport, parseHttpUrl } from "../http-url.js";
import type { ClaimRequirement, ClaimCondition, IssuerPolicy, KeySource } from "../policy.js";
import type { PresetSettings } from "./preset-settings.js";
import type { IssuerFormat, Preset } from "../presets/preset.js";

const httpHint =
  "plain http lets anyone on the way put in keys of their own; use https (or AUTH_ALLOW_HTTP=true in a closed network)";

/** What fills a `{name}` in a preset's text; reports what is missing and gives "" for it. */
type FillIn = (name: string) => string;

const fillText = (text: string, fillIn: FillIn): string =>
  text.replace(/\{(\w+)\}/g, (_place, name: string) => fillIn(name));

const fillTest = <T extends ClaimCondition>(test: T, fillIn: FillIn): T =>
  test.is === undefined
    ? test
    : { ...test, is: test.is.map((value) => (typeof value === "string" ? fillText(value, fillIn) : value)) };

const fillRequirement = (requirement: ClaimRequirement, fillIn: FillIn): ClaimRequirement =>
  "anyOf" in requirement
    ? { ...requirement, anyOf: requirement.anyOf.map((test) => fillTest(test, fillIn)) }
    : fillTest(requirement, fillIn);

/** `clientId` of preset `workos` is the setting `AUTH_WORKOS_CLIENT_ID`. */
const settingName = (preset: Preset, name: string): string =>
  `${preset.settingsPrefix}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Reports what is wrong with an issuer, and gives the form that it has. */
function findIssuerFormat(
  issuer: string,
  preset: Preset,
  allowHttp: boolean,
  reader: SettingsReader,
): IssuerFormat | null {
  const problem = (message: string) => {
    reader.problem("AUTH_ISSUER", `"${issuer}" ${message}`);
    return null;
  };
  const rejected = preset.rejectedIssuers?.find(({ pattern }) => pattern.test(issuer));
  if (rejected !== undefined) return problem(`is refused: ${rejected.reason}`);
  if (/[*\s]/.test(issuer)) return problem("must be one exact issuer, without wildcards and spaces");
  const format = preset.issuers.find(({ pattern }) => pattern.test(issuer));
  if (format === undefined)
    return problem(`does not have the form of this provider's: ${preset.exampleIssuer}`);
  const url = parseHttpUrl(issuer);
  if (/^https?:/.test(issuer) && url === null) return problem("is no valid address");
  if (url !== null && !isSafeTransport(url, allowHttp)) return problem(`is refused: ${httpHint}`);
  return format;
}

/** One address for all issuers, or one for each in the same order. */
function readJwksUrls(issuerCount: number, allowHttp: boolean, reader: SettingsReader): string[] {
  const texts = reader.list("AUTH_JWKS_URL");
  if (texts.length > 1 && texts.length !== issuerCount) {
    reader.problem("AUTH_JWKS_URL", "must be one address, or as many as AUTH_ISSUER has, in the same order");
  }
  for (const text of texts) {
    const url = parseHttpUrl(text);
    if (url === null || `${url.username}${url.password}` !== "") {
      reader.problem(
        "AUTH_JWKS_URL",
        "must be an http(s) address of a JWKS document, without a user name in it",
      );
    } else if (!isSafeTransport(url, allowHttp)) {
      reader.problem("AUTH_JWKS_URL", `"${text}" is refused: ${httpHint}`);
    }
  }
  return texts;
}

/** What `{name}` stands for with one issuer; a value that is found nowhere is a problem of the setting it could be. */
function createFillIn(
  issuer: string,
  format: IssuerFormat,
  preset: Preset,
  presetSettings: PresetSettings,
  reader: SettingsReader,
): FillIn {
  const known: Record<string, string | undefined> = {
    issuer,
    origin: parseHttpUrl(issuer)?.origin,
    ...presetSettings.values,
    ...format.pattern.exec(issuer)?.groups,
  };
  return (name) => {
    const value = known[name] ?? reader.text(settingName(preset, name));
    if (value === undefined) {
      const message = `is required: the issuer "${issuer}" does not say it`;
      if (!reader.problems.includes(`${settingName(preset, name)}: ${message}`)) {
        reader.problem(settingName(preset, name), message);
      }
    } else if (/[*\s]/.test(value)) {
      reader.problem(settingName(preset, name), "must not contain wildcards or spaces");
    }
    return value ?? "";
  };
}

function toKeySource(
  issuer: string,
  format: IssuerFormat,
  jwksUrl: string | undefined,
  presetSettings: PresetSettings,
  fillIn: FillIn,
  reader: SettingsReader,
): KeySource {
  if (presetSettings.secret !== undefined) {
    if (jwksUrl !== undefined) {
      reader.problem(
        "AUTH_JWKS_URL",
        "must not be set together with a shared secret; with signing keys AUTH_PROVIDER=supabase",
      );
    }
    return { from: "secret", secret: presetSettings.secret };
  }
  if (jwksUrl !== undefined) return { from: "jwks", url: jwksUrl };
  if (format.jwks !== undefined) return { from: "jwks", url: fillText(format.jwks, fillIn) };
  if (format.discovery !== undefined) return { from: "discovery", url: fillText(format.discovery, fillIn) };
  if (parseHttpUrl(issuer) === null) {
    reader.problem("AUTH_JWKS_URL", `is required, reason the issuer "${issuer}" is no address`);
  }
  // OpenID Connect Discovery 1.0 §4.1: one slash at the end is removed first.
  return { from: "discovery", url: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration` };
}

type IssuerContext = {
  preset: Preset;
  presetSettings: PresetSettings;
  audiences: readonly string[];
  allowHttp: boolean;
};

/** Reads `AUTH_ISSUER` and `AUTH_JWKS_URL`: whose tokens are accepted, and where each issuer's keys are. */
export function readIssuers(reader: SettingsReader, context: IssuerContext): IssuerPolicy[] {
  const { preset, presetSettings: presetSettings, audiences, allowHttp } = context;
  const issuers = [...new Set(reader.list("AUTH_ISSUER"))];
  if (issuers.length === 0) {
    reader.problem(
      "AUTH_ISSUER",
      `is required: the iss of your access tokens, exactly, such as ${preset.exampleIssuer}`,
    );
  }
  const jwksUrls = readJwksUrls(issuers.length, allowHttp, reader);
  return issuers.flatMap((issuer, index): IssuerPolicy[] => {
    const format = findIssuerFormat(issuer, preset, allowHttp, reader);
    if (format === null) return [];
    const fillIn = createFillIn(issuer, format, preset, presetSettings, reader);
    const jwksUrl = jwksUrls.length > 1 ? jwksUrls[index] : jwksUrls[0];
    const requirements = [...preset.requirements, ...(format.requirements ?? [])];
    return [
      {
        issuer,
        keys: toKeySource(issuer, format, jwksUrl, presetSettings, fillIn, reader),
        audiences:
          audiences.length === 0 && preset.audience.from === "template"
            ? [fillText(preset.audience.template, fillIn)]
            : audiences,
        requirements: requirements.map((requirement) => fillRequirement(requirement, fillIn)),
      },
    ];
  });
}
