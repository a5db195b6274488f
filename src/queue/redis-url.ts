import { isIPv6 } from "node:net";
import type { RedisOptions } from "ioredis";

export const redisUrlHint =
  "redis://user:password@host:6379/0, rediss://… for TLS, or unix:///path/to/redis.sock";

/** Thrown for a Redis URL that is invalid. The message says what to change and contains no part of the credentials. */
export class RedisUrlError extends Error {
  override readonly name = "RedisUrlError";
}

/** What a Redis URL can express. All other options of ioredis belong to the gateway, because BullMQ relies on them. */
export type RedisAddress = Pick<
  RedisOptions,
  "host" | "port" | "path" | "username" | "password" | "db" | "tls"
>;

const maxPort = 65_535;
/** Redis has no upper limit. Five digits are more databases than any server has. */
const databaseNumber = /^\d{1,5}$/;
const hostName = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?$/;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError(
      "the user name or the password contains a % that is not part of a percent-encoded character; write % as %25",
    );
  }
}

/** The part of the URL before the last `@`. The user name ends at the first `:`. */
function parseCredentials(text: string): Pick<RedisAddress, "username" | "password"> {
  if (/[/?#@\s]/.test(text)) {
    throw new RedisUrlError(
      "percent-encode these characters in the user name and the password: @ as %40, / as %2F, ? as %3F, # as %23",
    );
  }
  if (/^[^:]*:<.*>$|\$\{/.test(text)) {
    throw new RedisUrlError("replace the placeholder in the URL with the password");
  }
  const colon = text.indexOf(":");
  const username = decode(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? "" : decode(text.slice(colon + 1));
  // Redis authenticates by password. Without one, the client would not authenticate and the user name would have no effect.
  if (password === "") {
    throw new RedisUrlError(
      "names a user without a password; write redis://user:password@host, redis://:password@host for the default user, or redis://host without authentication",
    );
  }
  return { ...(username !== "" && { username }), password };
}

function parseDatabase(text: string, where: string): number {
  if (!databaseNumber.test(text)) {
    throw new RedisUrlError(`${where} must be the number of a database, for example 0`);
  }
  return Number(text);
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > maxPort) throw new RedisUrlError(`the port must be a number from 1 to ${maxPort}`);
  return port;
}

function parseHost(text: string): { host: string; port: number } {
  if (text.includes(",")) throw new RedisUrlError("name one server; several addresses are not supported");
  const [, ipv6, ipv6Port] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? [];
  if (ipv6 !== undefined) {
    if (!isIPv6(ipv6)) throw new RedisUrlError("the address in brackets is not an IPv6 address");
    return { host: ipv6, port: parsePort(ipv6Port ?? "6379") };
  }
  if (isIPv6(text))
    throw new RedisUrlError("put an IPv6 address in brackets, for example redis://[::1]:6379");
  const [host = "", port = "6379", ...rest] = text.split(":");
  if (!hostName.test(host) || rest.length > 0) {
    throw new RedisUrlError(`must name a host and may name a port, for example ${redisUrlHint}`);
  }
  return { host, port: parsePort(port) };
}

/** Only the database of a Unix socket is an option, because the path is the one of the socket. */
function parseQuery(query: string | undefined, isSocket: boolean): Pick<RedisAddress, "db"> {
  if (query === undefined) return {};
  const [name = "", value = "", ...rest] = query.split("=");
  if (isSocket && name === "db" && rest.length === 0) return { db: parseDatabase(value, "db") };
  const options = query.split("&").map((option) => option.split("=")[0] ?? "");
  const names = options.filter((option) => /^[A-Za-z]{1,40}$/.test(option)).join(", ");
  throw new RedisUrlError(
    `options after ? are not supported${names === "" ? "" : ` (${names})`}; remove them, or write a ? in the password as %3F`,
  );
}

/**
 * Parses the URL of a Redis server: `redis://[user:password@]host[:port][/database]`, `rediss://…` for TLS, or
 * `unix://[user:password@]/path[?db=database]` for a socket. User name, password and socket path are percent-encoded.
 *
 * ioredis has a parser of its own. It is not used, because it lets the query override options that BullMQ relies on, and
 * because it throws a `URIError` or ignores the text when a part is invalid.
 *
 * @throws RedisUrlError when a part is invalid or would have no effect
 */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/is.exec(url) ?? [];
  const protocol = scheme.toLowerCase();
  if (protocol !== "redis" && protocol !== "rediss" && protocol !== "unix") {
    throw new RedisUrlError(`must have the format ${redisUrlHint}`);
  }
  const at = rest.lastIndexOf("@");
  const credentials = at === -1 ? {} : parseCredentials(rest.slice(0, at));
  const address = rest.slice(at + 1);
  if (address.includes("#")) {
    throw new RedisUrlError("contains a #; remove it, or write it as %23 in the password");
  }
  const [location = "", ...queries] = address.split("?");
  const query = parseQuery(queries.length === 0 ? undefined : queries.join("?"), protocol === "unix");

  if (protocol === "unix") {
    if (!location.startsWith("/")) throw new RedisUrlError(`must have the format ${redisUrlHint}`);
    return { ...credentials, path: decode(location), ...query };
  }
  const [hostAndPort = "", ...path] = location.split("/");
  const database = path.join("/");
  return {
    ...parseHost(hostAndPort),
    ...credentials,
    ...(database !== "" && { db: parseDatabase(database, "the path of the URL") }),
    ...(protocol === "rediss" && { tls: {} }),
  };
}

/** The texts of a Redis URL that must not be logged: the URL and the decoded password. */
export function listRedisSecrets(url: string): string[] {
  const { password } = parseRedisUrl(url);
  return password === undefined ? [url] : [url, password, encodeURIComponent(password)];
}
