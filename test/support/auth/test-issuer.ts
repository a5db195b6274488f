import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestKey } from "./tokens.js";

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a real HTTP server for the issuers of a test. It serves documents by path and records every request. */
export async function startIssuer() {
  const routes = new Map<string, Respond>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const respond = routes.get(path);
    if (respond === undefined) response.writeHead(404).end();
    else respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const serve = (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    routes.set(path, (_request, response) =>
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(text),
    );
  };

  return {
    url,
    requests,
    serve,
    respond: (path: string, respond: Respond) => void routes.set(path, respond),
    /** Publishes a key set at a path and returns its URL. */
    publish: (path: string, keys: readonly TestKey[]): string => {
      serve(path, { keys: keys.map(({ jwk }) => jwk) });
      return url + path;
    },
    /** Publishes a discovery document and a key set, and returns the issuer. */
    publishIssuer(path: string, keys: readonly TestKey[]): string {
      const issuer = url + path;
      serve(`${path}/.well-known/openid-configuration`, { issuer, jwks_uri: `${issuer}/jwks` });
      serve(`${path}/jwks`, { keys: keys.map(({ jwk }) => jwk) });
      return issuer;
    },
    fail: (path: string, status = 500) =>
      void routes.set(path, (_request, response) => response.writeHead(status).end("<html>down</html>")),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type TestIssuer = Awaited<ReturnType<typeof startIssuer>>;
