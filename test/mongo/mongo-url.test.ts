import { expect, test } from "vitest";
import { readStoreConfig } from "../../src/config/config.js";
import { ConfigError } from "../../src/config/settings-reader.js";
import { checkMongoUrl, listMongoSecrets } from "../../src/mongo/mongo-url.js";

const canary = "c4n4ry00";

/** The problems of a connection string, as every process reports them. */
function problemsOf(url: string): readonly string[] {
  try {
    readStoreConfig({ MONGODB_URL: url });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test.each([
  "mongodb://127.0.0.1:27017/vital?replicaSet=rs0",
  `mongodb://user:${canary}%40@a.example.com,b.example.com:27018/vital?replicaSet=rs0&authSource=admin`,
  "mongodb+srv://user:pass@cluster0.abcde.mongodb.net/vital?retryWrites=true&w=majority&appName=Cluster0",
  "mongodb://[::1]:27017/vital",
  "mongodb://%2Ftmp%2Fmongodb.sock/vital",
  "mongodb://host/vital?tls=true&tlsCAFile=%2Fetc%2Fca.pem&compressors=zlib",
  "mongodb://host/vital?authMechanism=MONGODB-X509&tls=true",
])("accepts %s", (url) => {
  expect(problemsOf(url)).toEqual([]);
});

test.each(["@", ":", "/", "%", "#", "?", "[", "]", "@/", "1/x?y@", "/?a=1&", "%zz", "#@:"])(
  "an unescaped %s in the password is explained, and the password is not shown",
  (character) => {
    for (const scheme of ["mongodb://", "mongodb+srv://"]) {
      const problems = problemsOf(
        `${scheme}user:${canary}${character}${canary}@host.example.com/vital?w=majority`,
      );
      expect(problems).toEqual([expect.stringMatching(/^MONGODB_URL: percent-encode .*%40.*%25$/)]);
      expect(problems.join()).not.toContain(canary);
    }
  },
);

test.each([
  [`mongodb://user:<password>@host/vital`, /placeholder/],
  [`postgres://user:${canary}@host/vital`, /must begin with mongodb:/],
  [canary, /must begin with mongodb:/],
  [`mongodb://user:${canary}@host`, /the servers and the database/],
  [`mongodb://user:${canary}@host/?w=majority`, /the servers and the database/],
  [`mongodb://user:${canary}@/vital`, /servers as host:port/],
  [`mongodb://user:${canary}@a,,b/vital`, /servers as host:port/],
  [`mongodb://user@host/vital`, /user without a password/],
  [`mongodb://:${canary}@host/vital`, /no user/],
  [`mongodb://user:${canary}@host:99999/vital`, /port/],
  [`mongodb://user:${canary}@host:0/vital`, /port/],
  [`mongodb://user:${canary}@host:${canary}/vital`, /port/],
  [`mongodb://user:${canary}@::1/vital`, /brackets/],
  [`mongodb+srv://user:${canary}@host.example.com:27017/vital`, /remove the port/],
  [`mongodb+srv://user:${canary}@a.example.com,b.example.com/vital`, /one host name/],
  [`mongodb://user:${canary}@host/admin`, /authSource=admin/],
  [`mongodb://user:${canary}@host/vital/other`, /name of the database/],
  [`mongodb://user:${canary}@host/${"x".repeat(64)}`, /name of the database/],
  [`mongodb://user:${canary}@host/vital#${canary}`, /contains a #/],
  [`mongodb://user:${canary}@host/vital?foo=${canary}`, /unknown option \(foo\)/],
  [`mongodb://user:${canary}@host/vital?${canary}=1`, /unknown option;/],
  [`mongodb://user:${canary}@host/vital?${canary}`, /rejects it/],
  [`mongodb://user:${canary}@host/vital?compressors=lz4`, /zlib/],
  [`mongodb://user:${canary}@host/vital?compressors=snappy,zlib`, /zlib/],
  [`mongodb://user:${canary}@host/vital?w=1`, /remove the option w$/],
  [`mongodb://user:${canary}@host/vital?journal=false`, /remove the option journal/],
  [`mongodb://user:${canary}@host/vital?readConcernLevel=local`, /remove the option readConcernLevel/],
  [
    `mongodb://user:${canary}@host/vital?readPreference=secondaryPreferred`,
    /remove the option readPreference/,
  ],
  [`mongodb://user:${canary}@host/vital?tls=${canary}`, /tls\/ssl must be either/],
  [`mongodb://user:${canary}@host/vital?tls=true&ssl=false`, /must be the same/],
  [`mongodb://user:${canary}@host/vital?authMechanism=${canary}`, /authMechanism one of/],
  [`mongodb://user:${canary}@host/vital?replicaSet=`, /no value/],
  [`mongodb://user:${canary}@host/vital?localThresholdMS=${canary}`, /localThresholdMS/],
  [`mongodb://a,b/vital?directConnection=true`, /exactly one host/],
])("%s: one problem that says what to change, without a secret", (url, reason) => {
  const problems = problemsOf(url);
  expect(problems).toEqual([expect.stringMatching(/^MONGODB_URL: /)]);
  expect(problems[0]).toMatch(reason);
  expect(problems.join()).not.toContain(canary);
});

test("options that the gateway sets itself, and a direct connection, are noted", () => {
  const { notes } = readStoreConfig({
    MONGODB_URL: "mongodb://host/vital?maxPoolSize=5&connectTimeoutMS=1&directConnection=true",
  });
  expect(notes).toEqual([
    "MONGODB_URL: maxPoolSize, connectTimeoutMS in the URL: ignored, because the gateway sets its own value",
    expect.stringMatching(/^MONGODB_URL: directConnection=true: only this server is used/),
  ]);
  expect(checkMongoUrl("mongodb://host/vital")).toEqual([]);
});

test("the secrets of a URL are its passwords, encoded and decoded", () => {
  const url = `mongodb://user:p%40ss@host/vital?tlsCertificateKeyFilePassword=s3%2Fcret`;
  expect(listMongoSecrets(url)).toEqual([url, "p%40ss", "s3%2Fcret", "p@ss", "s3/cret"]);
});
