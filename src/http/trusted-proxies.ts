import { BlockList, isIP, isIPv4 } from "node:net";
import { parseIpAddress } from "./ip-address.js";

/** An address range, such as `10.0.0.0/8`. */
type Network = { address: string; prefix: number; family: "ipv4" | "ipv6" };

/**
 * The proxies in front of this server whose `X-Forwarded-*` headers are trusted: the nearest ones up to a number of hops
 * (0 for none), or those with an address in one of the networks.
 */
export type TrustedProxies = { hops: number } | { networks: readonly Network[] };

const maxHops = 16;

/** Names of address ranges, as Express and Fastify define them. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/** Parses an address with an optional prefix length. Returns the problem if it is not one. */
function parseNetwork(text: string): Network | string {
  const [given = "", length, ...rest] = text.split("/");
  const isPrefix = length === undefined || /^\d{1,3}$/.test(length);
  const address = isIP(given) === 0 || rest.length > 0 || !isPrefix ? null : parseIpAddress(given);
  if (address === null) {
    return `"${text}" is not an address; write true, a number of proxies, or addresses such as 10.0.0.0/8`;
  }
  const isMapped = isIPv4(address) && !isIPv4(given);
  const bits = isIPv4(address) ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length) - (isMapped ? 96 : 0);
  if (prefix > bits || prefix < 0) return `"${text}" has a prefix length that its address cannot have`;
  if (prefix === 0) return `"${text}" contains every address, so that each client could choose its own`;
  return { address, prefix, family: isIPv4(address) ? "ipv4" : "ipv6" };
}

/** A name such as `constructor` is not one of an address range. */
const toNetworkNames = (name: string): readonly string[] =>
  (Object.hasOwn(namedNetworks, name) ? namedNetworks[name] : undefined) ?? [name];

/**
 * Parses a setting: `false`, `true` (one proxy), a number of proxies, or their addresses, separated by commas. An address
 * may have a prefix length (CIDR), or be `loopback`, `linklocal` or `uniquelocal`.
 *
 * @returns the proxies, or the problems of the value
 */
export function parseTrustedProxies(value: string): TrustedProxies | { problems: readonly string[] } {
  const text = value.trim().toLowerCase();
  if (text === "false") return { hops: 0 };
  if (text === "true") return { hops: 1 };
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    return hops <= maxHops ? { hops } : { problems: [`must be at most ${maxHops} proxies, not "${text}"`] };
  }
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const parsed = names.flatMap(toNetworkNames).map(parseNetwork);
  const problems = parsed.filter((network) => typeof network === "string");
  if (problems.length > 0) return { problems };
  return { networks: parsed.filter((network) => typeof network !== "string") };
}

/** Describes for the log where the address of a client comes from. */
export function describeTrustedProxies(proxies: TrustedProxies): string {
  if ("networks" in proxies) {
    const networks = proxies.networks.map(({ address, prefix }) => `${address}/${prefix}`).join(", ");
    return `X-Forwarded-For, from the right, up to the first address outside ${networks}`;
  }
  const { hops } = proxies;
  return hops === 0 ? "the connection" : `X-Forwarded-For, entry ${hops} from the right`;
}

export type IsTrustedProxy = (address: string, hop: number) => boolean;

/** Creates the function that says whether the proxy with this address (as parsed), this many hops away, is trusted. */
export function createProxyTrust(proxies: TrustedProxies): IsTrustedProxy {
  if ("hops" in proxies) return (_address, hop) => hop < proxies.hops;
  const list = new BlockList();
  for (const { address, prefix, family } of proxies.networks) list.addSubnet(address, prefix, family);
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** Returns the address of the client from that of the connection and the `X-Forwarded-For` header. */
export type ReadClientAddress = (
  connectionAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
) => string;

/**
 * Creates the function that finds the address of the client. Each proxy appends the address from which it received the
 * request to `X-Forwarded-For`. The function reads the header from the right, and only as far as trusted proxies wrote
 * it, because the client chooses everything to the left of that.
 *
 * An entry that is not an address ends the search at the proxy that wrote it. Empty entries are skipped (RFC 9110
 * §5.6.1).
 */
export function createClientAddressReader(isTrusted: IsTrustedProxy): ReadClientAddress {
  return (connectionAddress = "", forwardedFor = "") => {
    let address = parseIpAddress(connectionAddress) ?? connectionAddress;
    let unread = typeof forwardedFor === "string" ? forwardedFor : forwardedFor.join(",");
    let hop = 0;
    while (unread !== "" && isTrusted(address, hop)) {
      const comma = unread.lastIndexOf(",");
      const entry = unread.slice(comma + 1).trim();
      unread = comma < 0 ? "" : unread.slice(0, comma);
      if (entry === "") continue;
      const parsed = parseIpAddress(entry);
      if (parsed === null) return address;
      address = parsed;
      hop += 1;
    }
    return address;
  };
}
