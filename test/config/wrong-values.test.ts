import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readSimulatorSettings } from "../../simulator/settings.js";
import { readGatewayConfig, readWorkerConfig } from "../../src/config/config.js";
import { ConfigError, createSettingsReader, type Environment } from "../../src/config/settings-reader.js";
import { settingNames } from "../support/settings.js";

/** Part of every value below that could be a secret. */
const canary = "c4n4ry0000000000";

const base = {
  VITAL_API_KEY: "sk_us_0123456789",
  MONGODB_URL: "mongodb://127.0.0.1:27017/vital?replicaSet=rs0",
  REDIS_URL: "redis://127.0.0.1:6379",
  AUTH_ISSUER: "https://idp.example.com",
  AUTH_AUDIENCE: "https://api.example.com",
  EVENTS_SIGNING_SECRETS: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
};

/** The further settings with which the reader of a preset reads a setting. */
function toEnvironment(name: string): Record<string, string> {
  const issuer = "https://example.com";
  const byPrefix: [RegExp, Record<string, string>][] = [
    [/^AUTH_CLERK/, { AUTH_PROVIDER: "clerk", AUTH_CLERK_NATIVE: "true", AUTH_AUDIENCE: "" }],
    [/^AUTH_SUPABASE/, { AUTH_PROVIDER: "supabase-legacy", AUTH_SUPABASE_JWT_SECRET: "s".repeat(40) }],
    [/^AUTH_FIREBASE/, { AUTH_PROVIDER: "firebase" }],
    [/^AUTH_STYTCH/, { AUTH_PROVIDER: "stytch" }],
    [/^AUTH_DESCOPE/, { AUTH_PROVIDER: "descope" }],
    [/^AUTH_WORKOS/, { AUTH_PROVIDER: "workos", AUTH_ISSUER: "https://api.workos.com" }],
    [
      /^AUTH_B2C/,
      {
        AUTH_PROVIDER: "b2c",
        AUTH_ISSUER: "https://tenant.b2clogin.com/11111111-2222-3333-4444-555555555555/v2.0/",
      },
    ],
    [/^AUTH_FUSIONAUTH/, { AUTH_PROVIDER: "fusionauth", AUTH_ISSUER: issuer }],
    [/^AUTH_CUSTOM/, { AUTH_PROVIDER: "custom" }],
  ];
  return { ...base, ...(byPrefix.find(([pattern]) => pattern.test(name))?.[1] ?? {}) };
}

/** Values that no setting means, each with what the problem says. */
const neverRight: readonly [kind: string, value: string | ((name: string) => string), reason: RegExp][] = [
  ["in double quotes", `"https://${canary}.example.com"`, /quotation marks/],
  ["in single quotes", `'${canary}'`, /quotation marks/],
  ["in quotes, with a space after them", `"${canary}" `, /quotation marks/],
  ["in escaped quotes", `\\"${canary}\\"`, /quotation marks/],
  ["in typographic quotes", `“${canary}”`, /quotation marks/],
  ["only quotes", `""`, /only quotation marks/],
  ["each item in quotes", `"${canary}","${canary}"`, /quotation marks/],
  ["with its own name", (name) => `${name}=${canary}`, /its own name/],
  ["with a comment", `${canary} # the value`, /comment/],
  ["only a comment", `# ${canary}`, /comment/],
  ["a shell variable", "${VALUE}", /variable/],
  ["a Kubernetes variable", "$(VALUE)", /variable/],
  ["a template", `{{ .Values.${canary} }}`, /variable/],
  ["a placeholder in brackets", "<password>", /placeholder/],
  ["a placeholder word", "changeme", /placeholder/],
  ["a placeholder that ends in dots", "sk_us_...", /placeholder/],
  ["with a line break", `${canary}\r\n${canary}`, /line break/],
  ["with a control character", `${canary}\u001b[0m`, /control character/],
  ["with a zero-width space", `${canary}\u200b${canary}`, /invisible/],
  ["bytes that are not UTF-8", `${canary}\ufffd`, /UTF-8/],
  ["100 kB", canary.repeat(6_250), /longer than/],
  ["JSON", `["${canary}"]`, /JSON/],
];

/** Values that are right for some settings and wrong for others. */
const sometimesRight = [
  " ",
  ",",
  ",,",
  `${canary},,${canary}`,
  "-1",
  "1.5",
  "1e9",
  "99999999999999999999",
  "NaN",
  "true ",
  "TRUE",
  "yes",
  "0x10",
  "١٢",
  `${canary}.example.com:4000`,
  "tcp://10.96.0.12:4000",
  "udp://[fd00::1]:4000",
  `https://user:${canary}@example.com/path?query#fragment`,
  `http://${canary}`,
  "://",
  "/etc/passwd",
  "../..",
  "C:\\secrets",
  "{",
  "[",
  "🙂",
  "%zz",
  "*",
  "sk_us_0123456789abcdef",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  canary,
  canary.repeat(1_000),
];

/** Reads the settings as a process does, and returns its problems. Any error but a `ConfigError` fails the test. */
function findProblems(name: string, environment: Environment): readonly string[] {
  if (settingNames.simulator.includes(name)) return readSimulatorSettings(environment).problems;
  const read = settingNames.gateway.includes(name) ? readGatewayConfig : readWorkerConfig;
  try {
    read(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const isAbout = (name: string) => (problem: string) => problem.startsWith(`${name}: `);
const productNames = settingNames.all.filter((name) => !settingNames.simulator.includes(name));

test("every setting of the code is tried", () => {
  expect(productNames.length).toBeGreaterThan(45);
  const unread = productNames.filter((name) => {
    const readNames = new Set<string>();
    const environment = new Proxy(toEnvironment(name), {
      get(target, key) {
        readNames.add(String(key));
        return target[String(key)];
      },
    });
    findProblems(name, environment);
    return !readNames.has(name);
  });
  expect(unread).toEqual([]);
});

test("at least 200 pairs of a setting and a wrong value are rejected below", () => {
  expect(neverRight.length).toBeGreaterThanOrEqual(20);
  expect(productNames.length * neverRight.length).toBeGreaterThanOrEqual(200);
});

describe.each(productNames)("%s", (name) => {
  test.each(neverRight)("%s: one problem that names the setting and the reason", (_kind, value, reason) => {
    const wrong = typeof value === "string" ? value : value(name);
    const problems = findProblems(name, { ...toEnvironment(name), [name]: wrong });
    const own = problems.filter(isAbout(name));
    expect(own).toEqual([expect.stringMatching(reason)]);
    expect(problems.join()).not.toContain(canary);
  });

  test("every other value is accepted or is a short problem by name that shows no secret", () => {
    for (const value of sometimesRight) {
      const problems = findProblems(name, { ...toEnvironment(name), [name]: value });
      for (const problem of problems) {
        expect(problem).toMatch(/^[A-Z][A-Z0-9_]+: \S/);
        expect(problem.length).toBeLessThan(1_100);
        expect(problem).not.toMatch(/\[object|\bat \S+ \(/);
        expect(problem).not.toContain("sk_us_0123456789");
        if (settingNames.secrets.includes(name) || value.includes(`:${canary}@`))
          expect(problem).not.toContain(canary);
      }
    }
  });
});

describe("the simulator's settings", () => {
  test.each(settingNames.simulator)("%s: every value is accepted or is a problem by name", (name) => {
    for (const value of [...sometimesRight, ...neverRight.map(([, wrong]) => String(wrong))]) {
      const problems = findProblems(name, { [name]: value });
      for (const problem of problems) expect(problem).toMatch(new RegExp(`^${name}: \\S`));
      if (settingNames.secrets.includes(name)) expect(problems.join()).not.toContain(canary);
    }
  });

  test.each(settingNames.simulator)("%s: a value in quotation marks is named", (name) => {
    expect(findProblems(name, { [name]: '"1"' }).join()).toContain(`${name}: must not be in quotation marks`);
  });
});

describe("variables that Kubernetes sets for a Service", () => {
  const ports = settingNames.all.filter((name) => name.endsWith("_PORT"));

  test.each(ports)("%s is ignored, and the default is used", (name) => {
    expect(findProblems(name, { ...base, [name]: "tcp://10.96.0.12:4000" })).toEqual([]);
  });

  test("the log names each of them, and no other variable of a Service", () => {
    const { port, admin, notes } = readGatewayConfig({
      ...base,
      GATEWAY_PORT: "tcp://10.96.0.12:4000",
      GATEWAY_SERVICE_HOST: "10.96.0.12",
      GATEWAY_SERVICE_PORT: "4000",
      GATEWAY_SERVICE_PORT_HTTP: "4000",
      GATEWAY_PORT_4000_TCP: "tcp://10.96.0.12:4000",
      GATEWAY_PORT_4000_TCP_ADDR: "10.96.0.12",
      REDIS_PORT: "tcp://10.96.0.13:6379",
    });
    expect([port, admin.port]).toEqual([4000, 9464]);
    expect(notes).toEqual([expect.stringMatching(/^GATEWAY_PORT: ignored, because Kubernetes/)]);
  });
});

describe("misspelled variables", () => {
  const notesOf = (environment: Record<string, string>) =>
    readGatewayConfig({ ...base, ...environment }).notes;

  test("a variable that is similar to a setting is noted with that setting", () => {
    expect(notesOf({ GATEWAY_TRUST_PROXYS: "true" })).toEqual([
      "GATEWAY_TRUST_PROXYS: ignored, because there is no such setting; GATEWAY_TRUST_PROXY is similar",
    ]);
    expect(notesOf({ auth_client_ids: "a" }).join()).toContain("AUTH_CLIENT_IDS is similar");
    expect(notesOf({ "export AUTH_CLIENT_IDS": "a" }).join()).toContain("AUTH_CLIENT_IDS is similar");
    expect(notesOf({ PATH: "/bin", HOME: "/root", NODE_ENV: "production", OTHER_SETTING: "1" })).toEqual([]);
  });

  test("a file for a setting that is not a secret is noted", () => {
    expect(notesOf({ AUTH_CLIENT_IDS_FILE: "/run/ids" })).toEqual([
      "AUTH_CLIENT_IDS_FILE: ignored, because only secrets can be read from a file; set AUTH_CLIENT_IDS itself",
    ]);
  });

  test("with a required setting missing, the error names the misspelled one as well", () => {
    const { AUTH_ISSUER, ...others } = base;
    expect(() => readGatewayConfig({ ...others, AUTH_ISUER: AUTH_ISSUER })).toThrow(
      /AUTH_ISSUER: is required[^]*AUTH_ISUER: ignored/,
    );
  });
});

describe("secrets in files", () => {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const write = (content: string | Buffer, mode = 0o600) => {
    const path = join(folder, `secret-${Math.random()}`);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const readFrom = (path: string) => {
    const reader = createSettingsReader({ VITAL_API_KEY_FILE: path });
    const value = reader.requiredSecret("VITAL_API_KEY", "set it");
    return { value, problems: reader.problems };
  };

  test.each([
    ["as it is", "sk_us_key"],
    ["with a line break", "sk_us_key\r\n"],
    ["with a byte order mark", "\ufeffsk_us_key"],
  ])("a secret %s is read", (_kind, content) => {
    expect(readFrom(write(content))).toEqual({ value: "sk_us_key", problems: [] });
  });

  test.each([
    ["a file that does not exist", () => join(folder, canary), /does not exist \(ENOENT\)/],
    ["a directory", () => folder, /directory/],
    ["a device", () => "/dev/null", /device/],
    ["an empty file", () => write(" \n"), /empty/],
    ["a binary file", () => write(Buffer.from([0x89, 0x50, 0xff, 0xfe])), /not UTF-8/],
    ["UTF-16 without a byte order mark", () => write(Buffer.from(canary, "utf16le")), /UTF-16/],
    ["UTF-16", () => write(Buffer.from(`\ufeff${canary}`, "utf16le")), /not UTF-8/],
    ["a huge file", () => write("x".repeat(100_000)), /more than 65536 bytes/],
    ["the secret itself", () => `sk_us_${canary}`, /does not exist/],
    ["a secret that is too long for a path", () => canary.repeat(500), /not the secret itself/],
    ["a secret in quotes", () => write(`"${canary}"`), /quotation marks/],
    ["a path in quotes", () => `"${folder}"`, /quotation marks/],
  ])("%s is one problem of the _FILE setting, without the secret", (_kind, toPath, reason) => {
    const { problems } = readFrom(toPath());
    expect(problems).toEqual([expect.stringMatching(reason)]);
    expect(problems[0]).toMatch(/^VITAL_API_KEY_FILE: /);
    expect(problems[0]).not.toContain(canary);
  });
});

test("a list may continue on further lines, as YAML writes it", () => {
  const { cors } = readGatewayConfig({
    ...base,
    GATEWAY_CORS_ORIGINS: "https://a.example.com,\n  https://b.example.com\n",
  });
  expect(cors.origins).toEqual(["https://a.example.com", "https://b.example.com"]);
});

test("a PEM keeps its line breaks", () => {
  const pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
  const reader = createSettingsReader({ KEY: pem });
  expect([reader.secret("KEY"), reader.problems]).toEqual([pem, []]);
});

test("the two ports of the gateway must differ", () => {
  expect(findProblems("GATEWAY_PORT", { ...base, GATEWAY_PORT: "9464" })).toEqual([
    "GATEWAY_PORT: must differ from ADMIN_PORT, which is 9464 too",
  ]);
});
