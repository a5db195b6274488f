import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

const audience = "https://gateway.example.com";

/** Starts an issuer of RFC 9068 access tokens on loopback: discovery, keys, and tokens for any app user. */
export async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const kid = randomUUID();
  const keys = [{ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" }];
  const thread = new Worker(new URL("./issuer-thread.js", import.meta.url), {
    workerData: { keys },
    // Without the TypeScript loader of this process.
    execArgv: [],
  });
  const [port] = (await once(thread, "message")) as [number];
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    audience,

    /** Returns an access token for one app user; it expires after an hour. */
    createAccessToken: (appUserId: string): Promise<string> =>
      new SignJWT({ client_id: "chaos-app", jti: randomUUID() })
        .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid })
        .setIssuer(url)
        .setAudience(audience)
        .setSubject(appUserId)
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),

    close: () => thread.terminate(),
  };
}
