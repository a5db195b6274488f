import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { onTestFinished } from "vitest";

/** Node cannot create certificates, so tests with TLS need the command `openssl`. */
export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Creates a certificate for 127.0.0.1 and localhost, signed by a private CA that no client knows. */
export function createTestCertificate() {
  const folder = mkdtempSync(join(tmpdir(), "vital-gateway-tls-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl(
    ...["req", "-x509", ...newKey, "-keyout", path("ca.key"), "-out", path("ca.pem")],
    ...["-subj", "/CN=Test CA"],
  );
  openssl(
    ...["req", "-x509", ...newKey, "-keyout", path("server.key"), "-out", path("server.pem")],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
    ...["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return {
    caPath: path("ca.pem"),
    key: readFileSync(path("server.key"), "utf8"),
    cert: readFileSync(path("server.pem"), "utf8"),
  };
}

/** Accepts TLS connections and passes their data to a TCP server. Returns its port. */
export async function startTlsProxy(targetPort: number, { key, cert }: { key: string; cert: string }) {
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer({ key, cert }, (client) => {
    const service = createConnection({ port: targetPort, host: "127.0.0.1" });
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.pipe(service).pipe(client);
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}
