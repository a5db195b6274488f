import { isIPv4, isIPv6 } from "node:net";

/** Writes the 16-bit groups in the part of an IPv6 address before or after `::` as numbers. */
const toGroups = (part: string): number[] =>
  part === ""
    ? []
    : part.split(":").flatMap((group) => {
        if (!group.includes(".")) return [Number.parseInt(group, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
        return [a * 256 + b, c * 256 + d];
      });

/** Returns the eight 16-bit groups of an IPv6 address without a zone. */
export function toIpv6Groups(address: string): number[] {
  const [start = "", end = ""] = address.split("::");
  const [first, last] = [toGroups(start), toGroups(end)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/** The prefixes of IPv6 addresses that contain an IPv4 address: mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052 §2.1). */
const ipv4Prefixes: readonly string[] = ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"];

/** Returns the IPv4 address that IPv6 groups contain, however they were written, or `null`. */
function findIpv4(groups: readonly number[]): string | null {
  const prefix = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(":");
  if (!ipv4Prefixes.includes(prefix)) return null;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/**
 * Parses an address as a socket reports it or as a proxy writes it, with or without a port: `192.0.2.1`,
 * `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
 *
 * @returns the address without port and zone, or the IPv4 address if it is one in IPv6 notation, so that one client has
 * one address; `null` for anything else
 */
export function parseIpAddress(text: string): string | null {
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(text) ?? [];
  const address = (bracketed ?? withPort ?? text).split("%", 1)[0] ?? "";
  if (bracketed === undefined && isIPv4(address)) return address;
  return isIPv6(address) ? (findIpv4(toIpv6Groups(address)) ?? address.toLowerCase()) : null;
}
