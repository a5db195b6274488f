import { createPublicKey, createSecretKey, hash, type KeyObject } from "node:crypto";
import type { SettingsReader } from "../../config/settings-reader.js";
import { canSignBodyToken } from "./body-jwt.js";
import { countSharedSteps, parsePointer, pointer, type Pointer } from "./json-pointer.js";
import type { SigningKeys } from "./signatures.js";

/** How a source of a form of its own is read, and what CloudEvents are called. */
export type CustomFormSettings = {
  /** `EVENTS_USER_ID_POINTER`; also read in CloudEvents. */
  userId: Pointer | null;
  /** `EVENTS_TYPE_POINTER`. */
  type: Pointer;
  /** `EVENTS_TIME_POINTER`: without it, an event of such a source has the time of its arrival. */
  time: Pointer | null;
  /** `EVENTS_CREATED_TYPES`. */
  createdTypes: readonly string[];
  /** `EVENTS_DELETED_TYPES`. */
  deletedTypes: readonly string[];
};

/** Providers that sign in a way of their own, and the setting of each; as the provider shows them, comma separated. */
export const providerSecretNames = {
  workos: "EVENTS_WORKOS_SECRETS",
  zitadel: "EVENTS_ZITADEL_SECRETS",
  fusionauth: "EVENTS_FUSIONAUTH_SECRETS",
} as const;

type SigningProvider = keyof typeof providerSecretNames;

/** Settings of the event ingress. Secrets are held as keys and digests, which print as nothing. */
export type EventSettings = {
  /** `EVENTS_SIGNING_SECRETS`. */
  signingKeys: SigningKeys;
  providerKeys: Readonly<Record<SigningProvider, readonly KeyObject[]>>;
  /** `EVENTS_BEARER_TOKENS`, as SHA-256. */
  bearerTokenDigests: readonly Buffer[];
  customForm: CustomFormSettings;
};

/** More would let a request that proves nothing cost too much. */
const maxSecrets = 10;
const minTokenLength = 24;
const minProviderSecretLength = 16;
const ed25519KeyBytes = 32;
const minRsaBits = 2048;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const toBytes = (text: string) => (base64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0));

type Report = (message: string) => void;
/** `item` says which of several, by its place: never by its content. */
type ReadItem<T> = (text: string, report: Report) => T | null;

function readSecrets<T>(reader: SettingsReader, name: string, items: string[], read: ReadItem<T>): T[] {
  if (items.length > maxSecrets)
    reader.problem(name, `has ${items.length} items; give at most ${maxSecrets}`);
  return items.flatMap((text, index) => {
    const place = items.length === 1 ? "" : `item ${index + 1} `;
    const item = read(text, (message) => {
      reader.problem(name, `${place}${message}`);
    });
    return item === null ? [] : [item];
  });
}

type SigningKey = { kind: keyof SigningKeys; key: KeyObject };

function readSigningKey(text: string, report: Report): SigningKey | null {
  if (text.startsWith("whsec_")) {
    const bytes = toBytes(text.slice("whsec_".length));
    if (bytes.length >= 24 && bytes.length <= 64) return { kind: "hmac", key: createSecretKey(bytes) };
    report("must be whsec_ and the base64 of 24 to 64 bytes");
  } else if (text.startsWith("whpk_")) {
    const bytes = toBytes(text.slice("whpk_".length));
    if (bytes.length === ed25519KeyBytes) return { kind: "ed25519", key: toEd25519Key(bytes) };
    report("must be whpk_ and the base64 of the 32 bytes of an ed25519 public key");
  } else if (text.startsWith("whsk_")) {
    report("is a private key, which belongs to the sender alone; give the public one, whpk_…");
  } else {
    report("must begin with whsec_ (a shared secret) or whpk_ (a public key)");
  }
  return null;
}

const toEd25519Key = (bytes: Buffer) =>
  createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") }, format: "jwk" });

/** Supabase shows its secret as `v1,whsec_…`; the list has split it in two. */
const isVersionMark = (item: string, index: number, items: readonly string[]) =>
  (item === "v1" && items[index + 1]?.startsWith("whsec_") === true) ||
  (item === "v1a" && items[index + 1]?.startsWith("whpk_") === true);

function readSigningKeys(reader: SettingsReader): SigningKeys {
  const name = "EVENTS_SIGNING_SECRETS";
  const items = reader.secretList(name).filter((item, index, all) => !isVersionMark(item, index, all));
  const keys = readSecrets(reader, name, items, readSigningKey);
  const ofKind = (kind: keyof SigningKeys) => keys.filter((key) => key.kind === kind).map(({ key }) => key);
  return { hmac: ofKind("hmac"), ed25519: ofKind("ed25519") };
}

function readToken(text: string, report: Report): Buffer | null {
  if (/^[\x21-\x7e]+$/.test(text) && text.length >= minTokenLength) return hash("sha256", text, "buffer");
  report(
    `must have at least ${minTokenLength} characters, ASCII without spaces; openssl rand -hex 32 gives one`,
  );
  return null;
}

function readProviderSecret(text: string, report: Report): KeyObject | null {
  if (text.length >= minProviderSecretLength) return createSecretKey(Buffer.from(text));
  report(`must have at least ${minProviderSecretLength} characters; copy it whole from the provider`);
  return null;
}

/** What FusionAuth signs with: the secret of an HMAC key, or the public one of a key pair. */
function readFusionauthKey(text: string, report: Report): KeyObject | null {
  if (!text.startsWith("-----BEGIN ")) return readProviderSecret(text, report);
  if (text.includes("PRIVATE KEY")) {
    report("is a private key, which belongs to FusionAuth alone; give the public one");
    return null;
  }
  try {
    // Where a setting has one line only, its line breaks are written as \n.
    const key = createPublicKey(text.replaceAll("\\n", "\n"));
    if (canSignBodyToken(key) && (key.asymmetricKeyDetails?.modulusLength ?? minRsaBits) >= minRsaBits)
      return key;
  } catch {
    // Falls through to the report.
  }
  report(`must be the PEM of an RSA (${minRsaBits} bits or more), EC or Ed25519 public key`);
  return null;
}

function readPointer(reader: SettingsReader, name: string): Pointer | null {
  const text = reader.text(name);
  if (text === undefined) return null;
  const parsed = parsePointer(text);
  if (parsed === null)
    reader.problem(name, "must be a JSON pointer such as /data/id or /users/*[type=User]/id");
  return parsed;
}

/** A `*` that the user id does not share would give the type or time of one event to the users of all. */
function reportStrayStars(
  reader: SettingsReader,
  pointers: Pick<CustomFormSettings, "type" | "time"> & { userId: Pointer },
) {
  const { userId, type, time } = pointers;
  const shared = countSharedSteps(userId, type);
  const strays = (path: Pointer, sharedSteps: number) =>
    path.slice(sharedSteps).some((step) => "every" in step);
  if (strays(type, shared)) {
    reader.problem("EVENTS_TYPE_POINTER", "has a * that EVENTS_USER_ID_POINTER does not go through");
  }
  if (time === null) return;
  const sharedWithTime = countSharedSteps(userId, time);
  if ((sharedWithTime > 0 && sharedWithTime !== shared) || strays(time, sharedWithTime)) {
    const message = "has a * that EVENTS_USER_ID_POINTER and EVENTS_TYPE_POINTER do not both go through";
    reader.problem("EVENTS_TIME_POINTER", message);
  }
}

function readTypes(reader: SettingsReader, name: string, fallback: string): readonly string[] {
  const types = reader.list(name);
  return types.length === 0 ? [fallback] : types;
}

function readCustomForm(reader: SettingsReader): CustomFormSettings {
  const createdTypes = readTypes(reader, "EVENTS_CREATED_TYPES", "user.created");
  const deletedTypes = readTypes(reader, "EVENTS_DELETED_TYPES", "user.deleted");
  const both = createdTypes.filter((type) => deletedTypes.includes(type));
  if (both.length > 0) {
    reader.problem("EVENTS_DELETED_TYPES", `names ${both.join(", ")} too, as EVENTS_CREATED_TYPES does`);
  }
  const userId = readPointer(reader, "EVENTS_USER_ID_POINTER");
  const type = readPointer(reader, "EVENTS_TYPE_POINTER") ?? pointer("/type");
  const time = readPointer(reader, "EVENTS_TIME_POINTER");
  if (userId !== null) reportStrayStars(reader, { userId, type, time });
  return { userId, type, time, createdTypes, deletedTypes };
}

/** Reads the settings of the event ingress; problems are collected in the reader, by name, without any secret. */
export function readEventSettings(reader: SettingsReader): EventSettings {
  const providerKeys = (provider: SigningProvider, read = readProviderSecret) => {
    const name = providerSecretNames[provider];
    return readSecrets(reader, name, reader.secretList(name), read);
  };
  const tokens = "EVENTS_BEARER_TOKENS";
  return {
    signingKeys: readSigningKeys(reader),
    providerKeys: {
      workos: providerKeys("workos"),
      zitadel: providerKeys("zitadel"),
      fusionauth: providerKeys("fusionauth", readFusionauthKey),
    },
    bearerTokenDigests: readSecrets(reader, tokens, reader.secretList(tokens), readToken),
    customForm: readCustomForm(reader),
  };
}

/** Whether anybody can prove to be a sender; without that the address answers 404. */
export function hasEventSource(settings: EventSettings): boolean {
  const { signingKeys, providerKeys, bearerTokenDigests } = settings;
  return [signingKeys.hmac, signingKeys.ed25519, ...Object.values(providerKeys), bearerTokenDigests].some(
    (secrets) => secrets.length > 0,
  );
}

/** What an operator should know at start, one line each. */
export function startupNotes(settings: EventSettings): string[] {
  if (!hasEventSource(settings)) {
    return [
      "No event source is configured: POST /v1/events answers 404, and app users are provisioned at their first sign-in only. Set EVENTS_SIGNING_SECRETS or EVENTS_BEARER_TOKENS.",
    ];
  }
  return settings.bearerTokenDigests.length === 0
    ? []
    : [
        "EVENTS_BEARER_TOKENS: a static token proves less than a signature (it says nothing about the body, and never expires). Where a source can sign, use EVENTS_SIGNING_SECRETS.",
      ];
}
