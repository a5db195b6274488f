const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Gives the parsed address when the text is one with http or https, else `null`. */
export function parseHttpUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") ? url : null;
}

/** Plain http lets anyone on the way put in keys of their own; on loopback there is no way. */
export const isSafeTransport = (url: URL, allowHttp: boolean): boolean =>
  url.protocol === "https:" || allowHttp || loopback.test(url.hostname);
