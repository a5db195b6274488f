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
