import mongoose from "mongoose";
import { isIPv6 } from "node:net";

export const mongoUrlHint = "mongodb://user:password@host:27017/database?replicaSet=rs0";

/** Thrown for an invalid connection string. The message says what to change and shows no credentials. */
export class MongoUrlError extends Error {
  override readonly name = "MongoUrlError";
}

/** How the gateway reads and writes. The connection string cannot change it. */
export const consistency = {
  readConcern: { level: "majority" },
  readPreference: "primary",
  writeConcern: { w: "majority", wtimeoutMS: 5_000 },
} as const;

/** The parts of a connection string, still percent-encoded. */
type Parts = {
  isSrv: boolean;
  credentials: string | null;
  hosts: readonly string[];
  database: string;
  options: readonly (readonly [name: string, value: string])[];
};

const encodeHint =
  "percent-encode these characters in the user name and the password: @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, % as %25";

const ownDatabases = ["admin", "local", "config"];
const invalidInDatabase = /[/\\. "$*<>:|?@\0]/;
const maxDatabaseBytes = 63;
const maxPort = 65_535;
const hostName = /^[^\s/?#@[\]%:,]+$/;
const socketPath = /^%2F.+\.sock$/i;

/** The compressors that need no package besides the driver. */
const compressors = ["none", "zlib"];

/** Options that would weaken what the gateway promises, each with the only value that does not. */
const fixedOptions: Readonly<Record<string, string | null>> = {
  w: "majority",
  readconcernlevel: "majority",
  readpreference: "primary",
  readpreferencetags: null,
  maxstalenessseconds: null,
  journal: "true",
  j: "true",
};

/** Options that the gateway sets for each process. */
const ownOptions = [
  "maxPoolSize",
  "serverSelectionTimeoutMS",
  "socketTimeoutMS",
  "connectTimeoutMS",
  "waitQueueTimeoutMS",
  "timeoutMS",
];

/** Options whose values are secrets. */
const secretOptions = ["tlscertificatekeyfilepassword", "proxypassword", "authmechanismproperties"];

function tryDecode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Splits a connection string as the driver does. Returns `null` for another scheme. */
function split(url: string): Parts | null {
  const [, srv, authority = "", path = ""] = /^mongodb(\+srv)?:\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (!/^mongodb(\+srv)?:\/\//.test(url)) return null;
  const at = authority.lastIndexOf("@");
  const question = path.indexOf("?");
  const options = question === -1 ? "" : path.slice(question + 1);
  return {
    isSrv: srv !== undefined,
    credentials: at === -1 ? null : authority.slice(0, at),
    hosts: authority.slice(at + 1).split(","),
    database: (question === -1 ? path : path.slice(0, question)).replace(/^\//, ""),
    options: options
      .split("&")
      .filter((option) => option !== "")
      .map((option) => {
        const [name = "", ...value] = option.split("=");
        return [name, value.join("=")] as const;
      }),
  };
}

/**
 * Whether an `@` follows a character that ends the credentials. Then the password probably contains that character, and
 * the parts of the URL are not what they seem to be.
 */
const hasBrokenCredentials = (url: string) => /^[^/]*\/\/.*[/?#].*@/s.test(url);

function checkCredentials(credentials: string): void {
  const [user = "", ...password] = credentials.split(":");
  if (password.length > 1 || /[@[\]]/.test(credentials) || tryDecode(credentials) === null) {
    throw new MongoUrlError(encodeHint);
  }
  if (user === "") throw new MongoUrlError(`names no user before the password; write ${mongoUrlHint}`);
}

function checkHost(text: string, isSrv: boolean): void {
  if (socketPath.test(text) && !isSrv) return;
  const [, ipv6, rest] = /^\[([^\]]*)\](.*)$/.exec(text) ?? [];
  if (isIPv6(text) || (ipv6 !== undefined && !isIPv6(ipv6)))
    throw new MongoUrlError("put an IPv6 address in brackets, for example mongodb://[::1]:27017/database");
  const [host = "", ...ports] =
    ipv6 === undefined ? text.split(":") : ["ipv6", ...(rest ?? "").split(":").slice(1)];
  if (!hostName.test(host) || ports.length > 1)
    throw new MongoUrlError(`must name the servers as host:port, for example ${mongoUrlHint}`);
  const [port] = ports;
  if (port === undefined) return;
  if (isSrv) throw new MongoUrlError("mongodb+srv:// takes the ports from DNS; remove the port");
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= maxPort;
  if (!isPort) throw new MongoUrlError(`the port of a server must be a number from 1 to ${maxPort}`);
}

function checkDatabase(encoded: string): void {
  const database = tryDecode(encoded);
  if (encoded === "")
    throw new MongoUrlError(`must name the servers and the database, for example ${mongoUrlHint}`);
  const isValid =
    database !== null && !invalidInDatabase.test(database) && Buffer.byteLength(database) <= maxDatabaseBytes;
  if (!isValid)
    throw new MongoUrlError(`the name of the database is invalid; write it as in ${mongoUrlHint}`);
  if (ownDatabases.includes(database))
    throw new MongoUrlError(
      "admin, local and config belong to MongoDB itself; name another database, and add authSource=admin if the user was created in admin",
    );
}

function checkOptions(options: Parts["options"]): void {
  for (const [name, value] of options) {
    const fixed = fixedOptions[name.toLowerCase()];
    if (fixed !== undefined && value !== fixed)
      throw new MongoUrlError(
        `the gateway reads from the primary and writes to the majority; remove the option ${name}`,
      );
    const isUnavailable = value.split(",").some((compressor) => !compressors.includes(compressor));
    if (name.toLowerCase() === "compressors" && isUnavailable)
      throw new MongoUrlError(
        "the only compressor that is available is zlib; write compressors=zlib, or remove it",
      );
  }
}

/** Explains an error of the driver's parser without the values in it. */
function explain(error: Error, { options }: Parts): string {
  const [, names] = /^options? (.+) (?:is|are) not supported$/.exec(error.message) ?? [];
  if (names !== undefined) {
    const shown = names.split(", ").filter((name) => /^[A-Za-z]{1,40}$/.test(name));
    return `contains an unknown option${shown.length === 0 ? "" : ` (${shown.join(", ")})`}; remove or correct it, and write a ? or & in the password as %3F or %26`;
  }
  const values = options
    .flatMap(([name, value]) => [value, tryDecode(value) ?? "", /^[A-Za-z]+$/.test(name) ? "" : name])
    .filter((value) => !["", "true", "false"].includes(value));
  const message = error.message.replace(/,? (?:but )?got:? .*$/s, "");
  return `the driver rejects it: ${values.reduce((text, value) => text.replaceAll(value, "…"), message)}`;
}

/** Lets the driver parse the connection string. This opens no connection. */
function parseWithDriver(url: string, parts: Parts) {
  try {
    return new mongoose.mongo.MongoClient(url, consistency).options;
  } catch (error) {
    throw new MongoUrlError(error instanceof Error ? explain(error, parts) : "the driver rejects it");
  }
}

function checkPassword({ credentials }: ReturnType<typeof parseWithDriver>): void {
  const needsPassword = /^(?:DEFAULT|SCRAM|PLAIN)/.test(credentials?.mechanism ?? "");
  if (needsPassword && (credentials?.password ?? "") === "")
    throw new MongoUrlError(`names a user without a password; write ${mongoUrlHint}`);
}

function listNotes(options: Parts["options"]): string[] {
  const given = options.map(([name]) => name.toLowerCase());
  const own = ownOptions.filter((name) => given.includes(name.toLowerCase()));
  const isDirect = options.some(
    ([name, value]) => name.toLowerCase() === "directconnection" && value === "true",
  );
  return [
    ...(own.length === 0
      ? []
      : [`${own.join(", ")} in the URL: ignored, because the gateway sets its own value`]),
    ...(isDirect
      ? ["directConnection=true: only this server is used, and writes fail when another becomes the primary"]
      : []),
  ];
}

/**
 * Checks a connection string for MongoDB, last with the driver's own parser.
 *
 * @returns notes about options that are ignored or that only suit development
 * @throws MongoUrlError when the driver would reject it, when the database is missing, or when an option would weaken
 * reads from the primary and writes to the majority
 */
export function checkMongoUrl(url: string): string[] {
  const parts = split(url);
  if (parts === null)
    throw new MongoUrlError(`must begin with mongodb:// or mongodb+srv://, for example ${mongoUrlHint}`);
  const { isSrv, credentials, hosts, database, options } = parts;
  if (credentials !== null) checkCredentials(credentials);
  try {
    if (isSrv && hosts.length > 1)
      throw new MongoUrlError("mongodb+srv:// takes one host name; remove the others");
    for (const host of hosts) checkHost(host, isSrv);
    checkDatabase(database);
    if (url.includes("#"))
      throw new MongoUrlError("contains a #; remove it, or write it as %23 in the password");
    checkOptions(options);
    checkPassword(parseWithDriver(url, parts));
  } catch (error) {
    throw hasBrokenCredentials(url) ? new MongoUrlError(encodeHint) : error;
  }
  return listNotes(options);
}

/** The texts of a connection string that must not be logged: the string itself, the password and other secrets in it. */
export function listMongoSecrets(url: string): string[] {
  const parts = split(url);
  if (parts === null) return [url];
  const password = parts.credentials?.split(":").slice(1).join(":") ?? "";
  const values = parts.options
    .filter(([name]) => secretOptions.includes(name.toLowerCase()))
    .map(([, value]) => value);
  const secrets = [password, ...values].filter((secret) => secret !== "");
  return [url, ...secrets, ...secrets.map((secret) => tryDecode(secret) ?? secret)];
}
