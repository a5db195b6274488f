const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Parses an http or https URL. Returns `null` for anything else. */
export function parseHttpUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") ? url : null;
}

/** Over plain http, anyone on the network path can replace the keys. A loopback connection has no network path. */
export const isSafeTransport = (url: URL, allowHttp: boolean): boolean =>
  url.protocol === "https:" || allowHttp || loopback.test(url.hostname);
