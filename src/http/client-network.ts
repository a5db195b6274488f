import { isIPv6 } from "node:net";

/**
 * Splits the part of an IPv6 address before or after `::` into its 16-bit groups. A dotted decimal at the end becomes two
 * zero groups, because it is never in the first 64 bits.
 */
const toGroups = (part: string): string[] =>
  part === ""
    ? []
    : part
        .split(":")
        .flatMap((group) => (group.includes(".") ? ["0", "0"] : [Number.parseInt(group, 16).toString(16)]));

/**
 * Returns the range in which one client can change its address: an IPv4 address itself, or the /64 of an IPv6 address,
 * because networks assign a whole /64 to each client (RFC 4291 §2.5.4). An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2)
 * that ends in dotted decimal counts as the IPv4 address.
 */
export function toClientNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [start = "", end] = (address.split("%", 1)[0] ?? "").split("::");
  const [first, last] = [toGroups(start), toGroups(end ?? "")];
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return `${[...first, ...zeros, ...last].slice(0, 4).join(":")}::/64`;
}
