import { request as sendHttp } from "node:http";
import { request as sendHttps } from "node:https";
import { buildConnector } from "undici";
import type { ForwardProxy } from "./proxy-url.js";

/** A proxy did not open a tunnel. The message contains neither an address nor what the proxy sent. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
}

const describeRefusal = (status: number): string =>
  `the proxy refused the connection (${status}${status === 407 ? ": user name or password missing or wrong" : ""})`;

/** Opens a tunnel to `host:port`, and passes its socket or the error to the callback once. */
function openTunnel(
  { origin, authorization }: ForwardProxy,
  authority: string,
  timeoutMs: number,
  callback: buildConnector.Callback,
): void {
  const { protocol, hostname, port } = new URL(origin);
  const send = protocol === "https:" ? sendHttps : sendHttp;
  const request = send({
    method: "CONNECT",
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(port !== "" && { port }),
    path: authority,
    headers: { host: authority, ...(authorization !== null && { "proxy-authorization": authorization }) },
    agent: false,
  });
  const timer = setTimeout(() => {
    request.destroy(new ProxyError(`the proxy did not open a connection within ${timeoutMs} ms`));
  }, timeoutMs);
  request.once("error", (error) => {
    clearTimeout(timer);
    callback(error, null);
  });
  request.once("connect", ({ statusCode = 0 }, socket, head) => {
    clearTimeout(timer);
    if (statusCode >= 200 && statusCode < 300) {
      if (head.length > 0) socket.unshift(head);
      callback(null, socket);
      return;
    }
    socket.on("error", () => undefined).destroy();
    callback(new ProxyError(describeRefusal(statusCode)), null);
  });
  request.end();
}

/**
 * Creates the function with which undici connects to a server through a proxy (RFC 9110 §9.3.6). It opens a tunnel for
 * `http:` as well, as undici's `ProxyAgent` does. That class is not used, because it connects again without a pause when
 * the proxy closes a connection: 450 times in 400 ms, measured with undici 7.30.
 *
 * @param timeoutMs for the tunnel, and again for TLS in it
 */
export function createTunnelConnector(proxy: ForwardProxy, timeoutMs: number): buildConnector.connector {
  const connectTls = buildConnector({ timeout: timeoutMs });
  return (options, callback) => {
    const { protocol, port, host = options.hostname } = options;
    const isTls = protocol === "https:";
    const authority = port === "" ? `${host}:${isTls ? 443 : 80}` : host;
    openTunnel(proxy, authority, timeoutMs, (...result) => {
      const [error, socket] = result;
      if (error !== null || !isTls) callback(...result);
      else connectTls({ ...options, httpSocket: socket }, callback);
    });
  };
}
