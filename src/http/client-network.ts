import { isIPv6 } from "node:net";
import { parseIpAddress, toIpv6Groups } from "./ip-address.js";

/**
 * Returns the range in which one client can change its address: an IPv4 address itself, or the /64 of an IPv6 address,
 * because networks assign a whole /64 to each client (RFC 4291 §2.5.4).
 */
export function toClientNetwork(address: string): string {
  const parsed = parseIpAddress(address) ?? address;
  if (!isIPv6(parsed)) return parsed;
  const groups = toIpv6Groups(parsed).slice(0, 4);
  return `${groups.map((group) => group.toString(16)).join(":")}::/64`;
}
