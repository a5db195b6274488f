/** A forward proxy. The credentials are the value of `Proxy-Authorization`; `origin` does not contain them. */
export type ForwardProxy = { origin: string; authorization: string | null };

const example = "http://proxy.example.com:3128";

/** Decodes a user name or password, or returns `null` if it is not percent-encoded. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/**
 * Parses the URL of a forward proxy. As in other programs, a value without a scheme is the host and port of an HTTP
 * proxy. Messages do not contain the value, which may contain a password.
 *
 * @returns the proxy, or the problem of the value
 */
export function parseProxyUrl(value: string): ForwardProxy | { problem: string } {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (/^socks/i.test(text)) return { problem: `must be an HTTP proxy such as ${example}, not a SOCKS proxy` };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return {
      problem: `must be a URL such as ${example}, in which user name and password are percent-encoded`,
    };
  }
  if (`${url.pathname}${url.search}${url.hash}` !== "/")
    return { problem: `must not contain a path, a query (?) or a fragment (#); write ${example}` };
  const [user, password] = [decode(url.username), decode(url.password)];
  if (user === null || password === null)
    return { problem: "must contain user name and password percent-encoded: write % as %25" };
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  return { origin: url.origin, authorization: user + password === "" ? null : `Basic ${credentials}` };
}

/** Returns the parts of a proxy's URL that must not be logged. */
export function listSecretParts(value: string): string[] {
  const proxy = parseProxyUrl(value);
  if ("problem" in proxy || proxy.authorization === null) return [];
  const [, encoded = ""] = /\/\/(.*)@/.exec(value) ?? /^(.*)@/.exec(value) ?? [];
  const password = encoded.slice(encoded.indexOf(":") + 1);
  return [encoded, password, decode(password) ?? "", proxy.authorization.slice("Basic ".length)];
}
