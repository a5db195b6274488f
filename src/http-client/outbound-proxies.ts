import { parseNoProxy, type IsDirect } from "./no-proxy.js";
import { listSecretParts, parseProxyUrl, type ForwardProxy } from "./proxy-url.js";

/** The values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
export type ProxySettings = {
  http: string | null;
  https: string | null;
  noProxy: string;
};

/** The proxy for requests to an origin, or `null` if they are sent directly. */
export type FindProxy = (origin: string) => ForwardProxy | null;

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

const toProxy = (value: string | null): ForwardProxy | null => {
  const proxy = value === null ? null : parseProxyUrl(value);
  if (proxy !== null && "problem" in proxy) throw new Error(`The URL of the proxy ${proxy.problem}.`);
  return proxy;
};

/**
 * Creates the function that finds the proxy for an origin. As in undici's `EnvHttpProxyAgent`, `HTTP_PROXY` is also used
 * for `https:` if `HTTPS_PROXY` is not set.
 */
export function createProxyFinder({ http, https, noProxy }: ProxySettings): FindProxy {
  const [httpProxy, httpsProxy] = [toProxy(http), toProxy(https ?? http)];
  if (httpProxy === null && httpsProxy === null) return () => null;
  const isDirect: IsDirect = parseNoProxy(noProxy);
  return (origin) => {
    const { protocol, hostname, port } = new URL(origin);
    const proxy = protocol === "https:" ? httpsProxy : httpProxy;
    const isProxied = proxy !== null && !isDirect(hostname, Number(port) || (defaultPorts[protocol] ?? 0));
    return isProxied ? proxy : null;
  };
}

/**
 * Describes for an operator how requests reach a URL: `through the proxy http://proxy:3128`. Returns an empty string if no
 * proxy is configured at all.
 */
export function describeRoute(settings: ProxySettings, url: string): string {
  if (settings.http === null && settings.https === null) return "";
  const proxy = createProxyFinder(settings)(url);
  return proxy === null ? "without a proxy" : `through the proxy ${proxy.origin}`;
}

/** Returns the parts of the settings that must not be logged. */
export const listProxySecrets = ({ http, https }: ProxySettings): string[] =>
  [http, https].flatMap((value) => (value === null ? [] : listSecretParts(value)));
