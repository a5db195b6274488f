import type { ProxySettings } from "../http-client/outbound-proxies.js";
import { parseProxyUrl } from "../http-client/proxy-url.js";
import { parseTrustedProxies, type TrustedProxies } from "../http/trusted-proxies.js";
import type { SettingsReader } from "./settings-reader.js";

/** Reads which proxies in front of the gateway are trusted. */
export function readTrustedProxies(reader: SettingsReader): TrustedProxies {
  const name = "GATEWAY_TRUST_PROXY";
  const proxies = parseTrustedProxies(reader.text(name) ?? "false");
  if (!("problems" in proxies)) return proxies;
  for (const problem of proxies.problems) reader.problem(name, problem);
  return { hops: 0 };
}

/** Reads one variable in both spellings; as in other programs, lower case wins. */
function readEither(reader: SettingsReader, name: string) {
  const [lower, upper] = [reader.text(name.toLowerCase()), reader.text(name)];
  return { name: lower === undefined ? name : name.toLowerCase(), value: lower ?? upper ?? null };
}

function readProxyUrl(reader: SettingsReader, variable: string): string | null {
  const { name, value } = readEither(reader, variable);
  const proxy = value === null ? null : parseProxyUrl(value);
  if (proxy !== null && "problem" in proxy) reader.problem(name, proxy.problem);
  return value;
}

/** Reads the proxies for calls to Vital and to the issuer. */
export const readOutboundProxies = (reader: SettingsReader): ProxySettings => ({
  http: readProxyUrl(reader, "HTTP_PROXY"),
  https: readProxyUrl(reader, "HTTPS_PROXY"),
  noProxy: readEither(reader, "NO_PROXY").value ?? "",
});
