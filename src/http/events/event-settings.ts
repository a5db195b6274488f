import { createPublicKey, createSecretKey, hash, type KeyObject } from "node:crypto";
import type { SettingsReader } from "../../config/settings-reader.js";
import { canVerifyBodyJwt } from "./body-jwt.js";
import { countSharedSteps, jsonPointer, parseJsonPointer, type JsonPointer } from "./json-pointer.js";
import type { SigningKeys } from "./signatures.js";

/** The format of a source that is not built in, and the type names of CloudEvents. */
export type CustomFormatSettings = {
  /** `EVENTS_USER_ID_POINTER`; also read in CloudEvents. */
  userId: JsonPointer | null;
  /** `EVENTS_TYPE_POINTER`. */
  type: JsonPointer;
  /** `EVENTS_TIME_POINTER`: without it, an event of such a source gets the time of its arrival. */
  time: JsonPointer | null;
  /** `EVENTS_CREATED_TYPES`. */
  createdTypes: readonly string[];
  /** `EVENTS_DELETED_TYPES`. */
  deletedTypes: readonly string[];
};

/**
 * The settings for providers with their own signature scheme. Their values are comma separated secrets, as the provider
 * shows them.
 */
export const providerSecretNames = {
  workos: "EVENTS_WORKOS_SECRETS",
  zitadel: "EVENTS_ZITADEL_SECRETS",
  fusionauth: "EVENTS_FUSIONAUTH_SECRETS",
  keycloak: "EVENTS_KEYCLOAK_SECRETS",
} as const;

type SigningProvider = keyof typeof providerSecretNames;

/** Settings of the event ingress. Secrets are kept as keys and digests, so that printing them reveals nothing. */
export type EventSettings = {
  /** `EVENTS_SIGNING_SECRETS`. */
  signingKeys: SigningKeys;
  providerKeys: Readonly<Record<SigningProvider, readonly KeyObject[]>>;
  /** `EVENTS_BEARER_TOKENS`, as SHA-256. */
  bearerTokenDigests: readonly Buffer[];
  customFormat: CustomFormatSettings;
};

/** Limits the work for a request before its sender is authenticated. */
const maxSecrets = 10;
const minTokenLength = 24;
const minProviderSecretLength = 16;
const ed25519KeyBytes = 32;
const minRsaBits = 2048;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const toBytes = (text: string) => (base64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0));

type Report = (message: string) => void;
type ParseItem<T> = (text: string, report: Report) => T | null;

function readSecrets<T>(reader: SettingsReader, name: string, items: string[], parse: ParseItem<T>): T[] {
  if (items.length > maxSecrets)
    reader.problem(name, `has ${items.length} items; configure at most ${maxSecrets}`);
  return items.flatMap((text, index) => {
    // An item is named by its position, never by its content.
    const position = items.length === 1 ? "" : `item ${index + 1} `;
    const item = parse(text, (message) => {
      reader.problem(name, `${position}${message}`);
    });
    return item === null ? [] : [item];
  });
}

type SigningKey = { kind: keyof SigningKeys; key: KeyObject };

function parseSigningKey(text: string, report: Report): SigningKey | null {
  if (text.startsWith("whsec_")) {
    const bytes = toBytes(text.slice("whsec_".length));
    if (bytes.length >= 24 && bytes.length <= 64) return { kind: "hmac", key: createSecretKey(bytes) };
    report("must be whsec_ followed by the base64 of 24 to 64 bytes");
  } else if (text.startsWith("whpk_")) {
    const bytes = toBytes(text.slice("whpk_".length));
    if (bytes.length === ed25519KeyBytes) return { kind: "ed25519", key: toEd25519Key(bytes) };
    report("must be whpk_ followed by the base64 of the 32 bytes of an ed25519 public key");
  } else if (text.startsWith("whsk_")) {
    report("is a private key, which only the sender may have; configure the public key, whpk_…");
  } else {
    report("must start with whsec_ (a shared secret) or whpk_ (a public key)");
  }
  return null;
}

const toEd25519Key = (bytes: Buffer) =>
  createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") }, format: "jwk" });

/** Supabase shows its secret as `v1,whsec_…`, which becomes two items when the list is split at commas. */
const isVersionPrefix = (item: string, index: number, items: readonly string[]) =>
  (item === "v1" && items[index + 1]?.startsWith("whsec_") === true) ||
  (item === "v1a" && items[index + 1]?.startsWith("whpk_") === true);

function readSigningKeys(reader: SettingsReader): SigningKeys {
  const name = "EVENTS_SIGNING_SECRETS";
  const items = reader.secretList(name).filter((item, index, all) => !isVersionPrefix(item, index, all));
  const keys = readSecrets(reader, name, items, parseSigningKey);
  const ofKind = (kind: keyof SigningKeys) => keys.filter((key) => key.kind === kind).map(({ key }) => key);
  return { hmac: ofKind("hmac"), ed25519: ofKind("ed25519") };
}

function parseBearerToken(text: string, report: Report): Buffer | null {
  if (/^[\x21-\x7e]+$/.test(text) && text.length >= minTokenLength) return hash("sha256", text, "buffer");
  report(
    `must have at least ${minTokenLength} characters, ASCII without spaces; create one with openssl rand -hex 32`,
  );
  return null;
}

function parseProviderSecret(text: string, report: Report): KeyObject | null {
  if (text.length >= minProviderSecretLength) return createSecretKey(Buffer.from(text));
  report(`must have at least ${minProviderSecretLength} characters; copy the whole secret from the provider`);
  return null;
}

/** Parses the key for FusionAuth's signatures: the secret of an HMAC key, or the public key of a key pair. */
function parseFusionauthKey(text: string, report: Report): KeyObject | null {
  if (!text.startsWith("-----BEGIN ")) return parseProviderSecret(text, report);
  if (text.includes("PRIVATE KEY")) {
    report("is a private key, which only FusionAuth may have; configure the public key");
    return null;
  }
  try {
    // In a setting that must fit on one line, line breaks are written as \n.
    const key = createPublicKey(text.replaceAll("\\n", "\n"));
    if (canVerifyBodyJwt(key) && (key.asymmetricKeyDetails?.modulusLength ?? minRsaBits) >= minRsaBits)
      return key;
  } catch {
    // An invalid key is reported below.
  }
  report(`must be a PEM with an RSA (${minRsaBits} bits or more), EC or Ed25519 public key`);
  return null;
}

function readPointer(reader: SettingsReader, name: string): JsonPointer | null {
  const text = reader.text(name);
  if (text === undefined) return null;
  const parsed = parseJsonPointer(text);
  if (parsed === null)
    reader.problem(name, "must be a JSON pointer such as /data/id or /users/*[type=User]/id");
  return parsed;
}

/**
 * Reports a `*` in the type or time pointer that the user id pointer does not share: it would apply the type or time of
 * one event to the users of all events.
 */
function reportUnsharedStars(
  reader: SettingsReader,
  pointers: Pick<CustomFormatSettings, "type" | "time"> & { userId: JsonPointer },
) {
  const { userId, type, time } = pointers;
  const shared = countSharedSteps(userId, type);
  const hasUnsharedStar = (pointer: JsonPointer, sharedSteps: number) =>
    pointer.slice(sharedSteps).some((step) => "every" in step);
  if (hasUnsharedStar(type, shared)) {
    reader.problem(
      "EVENTS_TYPE_POINTER",
      "has a * that EVENTS_USER_ID_POINTER does not share; use the same steps up to the last * in both",
    );
  }
  if (time === null) return;
  const sharedWithTime = countSharedSteps(userId, time);
  if ((sharedWithTime > 0 && sharedWithTime !== shared) || hasUnsharedStar(time, sharedWithTime)) {
    const message =
      "has a * that EVENTS_USER_ID_POINTER and EVENTS_TYPE_POINTER do not both share; use the same steps up to the last * in all three";
    reader.problem("EVENTS_TIME_POINTER", message);
  }
}

function readTypes(reader: SettingsReader, name: string, fallback: string): readonly string[] {
  const types = reader.list(name);
  return types.length === 0 ? [fallback] : types;
}

function readCustomFormat(reader: SettingsReader): CustomFormatSettings {
  const createdTypes = readTypes(reader, "EVENTS_CREATED_TYPES", "user.created");
  const deletedTypes = readTypes(reader, "EVENTS_DELETED_TYPES", "user.deleted");
  const both = createdTypes.filter((type) => deletedTypes.includes(type));
  if (both.length > 0) {
    reader.problem(
      "EVENTS_DELETED_TYPES",
      `contains ${both.join(", ")}, which EVENTS_CREATED_TYPES contains too; list each type in only one of the two`,
    );
  }
  const userId = readPointer(reader, "EVENTS_USER_ID_POINTER");
  const type = readPointer(reader, "EVENTS_TYPE_POINTER") ?? jsonPointer("/type");
  const time = readPointer(reader, "EVENTS_TIME_POINTER");
  if (userId !== null) reportUnsharedStars(reader, { userId, type, time });
  return { userId, type, time, createdTypes, deletedTypes };
}

/** Reads the settings of the event ingress. The reader collects the problems by name, without any secret. */
export function readEventSettings(reader: SettingsReader): EventSettings {
  const providerKeys = (provider: SigningProvider, parse = parseProviderSecret) => {
    const name = providerSecretNames[provider];
    return readSecrets(reader, name, reader.secretList(name), parse);
  };
  const tokens = "EVENTS_BEARER_TOKENS";
  return {
    signingKeys: readSigningKeys(reader),
    providerKeys: {
      workos: providerKeys("workos"),
      zitadel: providerKeys("zitadel"),
      fusionauth: providerKeys("fusionauth", parseFusionauthKey),
      keycloak: providerKeys("keycloak"),
    },
    bearerTokenDigests: readSecrets(reader, tokens, reader.secretList(tokens), parseBearerToken),
    customFormat: readCustomFormat(reader),
  };
}

/** Whether any sender can be authenticated; otherwise the endpoint responds 404. */
export function hasEventSource(settings: EventSettings): boolean {
  const { signingKeys, providerKeys, bearerTokenDigests } = settings;
  return [signingKeys.hmac, signingKeys.ed25519, ...Object.values(providerKeys), bearerTokenDigests].some(
    (secrets) => secrets.length > 0,
  );
}

/** Returns the notes for the operator at startup, one log line each. */
export function listStartupNotes(settings: EventSettings): string[] {
  if (!hasEventSource(settings)) {
    return [
      "No event source is configured: POST /v1/events responds 404, and app users are provisioned only at their first sign-in. Set EVENTS_SIGNING_SECRETS or EVENTS_BEARER_TOKENS.",
    ];
  }
  return settings.bearerTokenDigests.length === 0
    ? []
    : [
        "EVENTS_BEARER_TOKENS: a static token is weaker than a signature (it does not cover the body, and never expires). Use EVENTS_SIGNING_SECRETS for each source that can sign.",
      ];
}
