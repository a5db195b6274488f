import { isIPv6 } from "node:net";

/** The 16-bit groups of a part of an IPv6 address that has no `::` in it; dotted decimals at its end count as two. */
const groupsOf = (part: string): string[] =>
  part === ""
    ? []
    : part
        .split(":")
        .flatMap((group) => (group.includes(".") ? ["0", "0"] : [Number.parseInt(group, 16).toString(16)]));

/**
 * Gives what one client can change its address within: of IPv4 the address, of IPv6 its /64, which a network gives to
 * each of its members (RFC 4291 §2.5.4). An IPv4 address in the form of IPv6 (RFC 4291 §2.5.5.2) counts as itself.
 */
export function toClientNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [start = "", end] = (address.split("%", 1)[0] ?? "").split("::");
  const [first, last] = [groupsOf(start), groupsOf(end ?? "")];
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return `${[...first, ...zeros, ...last].slice(0, 4).join(":")}::/64`;
}
