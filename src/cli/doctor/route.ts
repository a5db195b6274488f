import { describeRoute, type ProxySettings } from "../../http-client/outbound-proxies.js";
import type { Finding } from "./finding.js";

const proxyFix = "check the proxy (HTTPS_PROXY, HTTP_PROXY) and NO_PROXY as well";

/** Adds to a finding about a service how requests reached it, if a proxy is configured. */
export function addRoute(finding: Finding, proxies: ProxySettings, url: string): Finding {
  const route = describeRoute(proxies, url);
  if (route === "") return finding;
  const { detail, fix } = finding;
  return {
    ...finding,
    detail: `${detail}, ${route}`,
    ...(fix !== undefined && { fix: `${fix}; ${proxyFix}` }),
  };
}
