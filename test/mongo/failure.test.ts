import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { createMongoConnection } from "../../src/mongo/connection.js";
import type { MongoFailure } from "../../src/mongo/failure.js";
import { startMongod } from "../support/mongo/start-mongod.js";
import { createTestCertificate, hasOpenssl } from "../support/tls.js";

const password = "c4n4ry00";

/** The first failure of a connection, or of its first operation. */
async function firstFailure(url: string): Promise<MongoFailure> {
  let resolve: (failure: MongoFailure) => void = () => undefined;
  const promise = new Promise<MongoFailure>((onFailure) => (resolve = onFailure));
  const mongo = createMongoConnection({
    url,
    serverSelectionTimeoutMs: 1_500,
    connectTimeoutMs: 1_000,
    socketTimeoutMs: 2_000,
    maxPoolSize: 1,
    appName: "vital-gateway tests",
    onFailure: resolve,
  });
  onTestFinished(() => mongo.close());
  void mongo.whenConnected
    .then(() => mongo.run(() => mongo.connection.collection("any").findOne({})))
    .catch(() => undefined);
  const failure = await promise;
  expect(JSON.stringify(failure)).not.toContain(password);
  return failure;
}

test.each([
  [`mongodb://ada:${password}@127.0.0.1:1/vital`, /ECONNREFUSED 127.0.0.1:1$/, /running/],
  [`mongodb://ada:${password}@mongo.invalid/vital`, /mongo.invalid/, /host name/],
  [`mongodb+srv://ada:${password}@a.mongo.invalid/vital`, /querySrv .*a.mongo.invalid/, /SRV/],
  [`mongodb://ada:${password}@127.0.0.1:1/vital?tls=true&tlsCAFile=%2Fnowhere`, /ENOENT/, /tlsCAFile/],
])("%s: the reason of the driver and a fix", async (url, reason, fix) => {
  const failure = await firstFailure(url);
  expect(failure.reason).toMatch(reason);
  expect(failure.fix).toMatch(fix);
});

test("wrong password, no password, wrong replica set: each has its reason and its fix", async () => {
  const { port } = await startMongod({ replicaSet: "rs0", user: { name: "ada", password: "right-one" } });
  const server = `127.0.0.1:${port}/vital?authSource=admin`;
  expect(await firstFailure(`mongodb://ada:${password}@${server}&replicaSet=rs0`)).toEqual({
    reason: "authentication failed",
    fix: expect.stringContaining("authSource=admin") as string,
  });
  expect(await firstFailure(`mongodb://127.0.0.1:${port}/vital?replicaSet=rs0`)).toEqual({
    reason: "the server requires authentication",
    fix: expect.stringContaining("MONGODB_URL") as string,
  });
  expect(await firstFailure(`mongodb://ada:${password}@${server}&replicaSet=rs1`)).toEqual({
    reason: 'none of the servers is a member of the replica set "rs1"',
    fix: expect.stringContaining("rs.conf()") as string,
  });
}, 60_000);

test("a replica set that is not initiated, and TLS to a server without it, have their fixes", async () => {
  const { port } = await startMongod({ replicaSet: "rs0", isInitiated: false });
  expect((await firstFailure(`mongodb://127.0.0.1:${port}/vital?replicaSet=rs0`)).fix).toContain(
    "rs.initiate()",
  );
  expect((await firstFailure(`mongodb://127.0.0.1:${port}/vital?tls=true`)).fix).toContain("remove tls=true");
}, 60_000);

test.skipIf(!hasOpenssl)(
  "a server that requires TLS, and one with an unknown CA, have their fixes",
  async () => {
    const { caPath, key, cert } = createTestCertificate();
    const pemPath = caPath.replace(/[^/]+$/, "server-with-key.pem");
    writeFileSync(pemPath, key + cert);
    const { port } = await startMongod({ replicaSet: "rs0", tls: { caPath, pemPath } });
    const url = `mongodb://127.0.0.1:${port}/vital?replicaSet=rs0`;
    expect((await firstFailure(url)).fix).toContain("add tls=true");
    expect((await firstFailure(`${url}&tls=true`)).fix).toContain("tlsCAFile");
  },
  60_000,
);
