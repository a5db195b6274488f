import { BlockList, isIP, isIPv4 } from "node:net";

/** Whether requests to this host and port are sent without a proxy. */
export type IsDirect = (hostname: string, port: number) => boolean;

const familyOf = (address: string) => (isIPv4(address) ? "ipv4" : "ipv6");
const withoutBrackets = (hostname: string) => hostname.replace(/^\[(.*)\]$/, "$1");

/** Creates the check for an address range, such as `10.0.0.0/8`, or returns `null` for anything else. */
function createRangeCheck(entry: string): ((hostname: string) => boolean) | null {
  const [given = "", prefix = ""] = entry.split("/");
  const address = withoutBrackets(given);
  const length = Number(prefix);
  const isRange = isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && length <= (isIPv4(address) ? 32 : 128);
  if (!isRange) return null;
  const range = new BlockList();
  range.addSubnet(address, length, familyOf(address));
  return (hostname) => isIP(hostname) !== 0 && range.check(hostname, familyOf(hostname));
}

/** Creates the check for a name, which may contain `*`. A name without `*` also means the names below it. */
function createNameCheck(name: string): (hostname: string) => boolean {
  const plain = withoutBrackets(name)
    .replace(/^\*?\./, "")
    .replace(/\.$/, "");
  if (!plain.includes("*")) return (hostname) => hostname === plain || hostname.endsWith(`.${plain}`);
  const parts = plain.split("*").map((part) => part.replace(/[^\w-]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  return (hostname) => pattern.test(hostname);
}

function createEntryCheck(entry: string): IsDirect {
  const inRange = createRangeCheck(entry);
  if (inRange !== null) return inRange;
  const isAddress = isIP(entry) !== 0;
  const [, host = entry, port] = (isAddress ? null : /^(.+):(\d+)$/.exec(entry)) ?? [];
  const hasName = createNameCheck(host);
  return (hostname, requestedPort) =>
    hasName(hostname) && (port === undefined || Number(port) === requestedPort);
}

/**
 * Parses `NO_PROXY`: hosts, domains (`example.com` or `.example.com`, with their subdomains), addresses, ranges
 * (`10.0.0.0/8`), each optionally with a port, or `*` for all; separated by commas or spaces. There is no standard for
 * it, so it contains what curl, Go and undici accept. An entry that is none of these matches nothing, as it does there.
 */
export function parseNoProxy(text: string): IsDirect {
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .map((entry) => entry.replace(/^[a-z]+:\/\//, ""))
    .filter((entry) => entry !== "");
  const checks = entries.map(createEntryCheck);
  return (hostname, port) => {
    const name = withoutBrackets(hostname.toLowerCase()).replace(/\.$/, "");
    return checks.some((isDirect) => isDirect(name, port));
  };
}
