import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const audience = "https://gateway.example.com";

/** An issuer of RFC 9068 access tokens on loopback: discovery, keys, and a token for whoever is named. */
export async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const kid = randomUUID();
  const keys = [{ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" }];
  const server = createServer((request, response) => {
    const body = request.url === "/jwks" ? { keys } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    audience,

    /** An access token for one app user, good for an hour. */
    toToken: (appUserId: string): Promise<string> =>
      new SignJWT({ client_id: "chaos-app", jti: randomUUID() })
        .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid })
        .setIssuer(url)
        .setAudience(audience)
        .setSubject(appUserId)
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),

    close(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>;
