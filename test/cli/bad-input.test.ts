import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { getBuild } from "../support/build.js";
import { runCli, type CliResult } from "../support/cli/run-cli.js";

// The first run after a change compiles the sources, which must not count as the time of a test.
await getBuild();

/** Part of every value below that could be a secret. */
const canary = "c4n4ry0000000000";

const folder = mkdtempSync(join(tmpdir(), "bad-input-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const signingSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const settings = {
  VITAL_API_KEY: `sk_us_${canary}`,
  MONGODB_URL: `mongodb://user:${canary}@127.0.0.1:1/vital?replicaSet=rs0`,
  REDIS_URL: `redis://:${canary}@127.0.0.1:1`,
  AUTH_ISSUER: "https://idp.invalid",
  AUTH_AUDIENCE: "https://api.example.com",
  EVENTS_SIGNING_SECRETS: signingSecret,
  GATEWAY_HOST: "127.0.0.1",
  GATEWAY_PORT: "0",
  ADMIN_PORT: "0",
};

/** Stack frames, and code of the bundle. */
const internals = /^ {4}at |node:internal|\bfile:\/\/|\$createRequire|=>\{|Node\.js v\d/m;

function expectClear({ stdout, stderr }: CliResult): void {
  const output = stdout + stderr;
  expect(output).not.toMatch(internals);
  expect(output).not.toContain(canary);
  expect(output.length).toBeLessThan(10_000);
}

describe.concurrent("settings", () => {
  type Case = [command: string, name: string, value: string];
  const cases: Case[] = [
    ["gateway", "GATEWAY_PORT", "70000"],
    ["gateway", "GATEWAY_TRUST_PROXY", "maybe"],
    ["gateway", "AUTH_ISSUER", '"https://idp.example.com"'],
    ["gateway", "AUTH_PROVIDER", "none"],
    ["gateway", "VITAL_API_KEY", canary],
    ["gateway", "REDIS_URL", `http://user:${canary}@redis`],
    ["gateway", "EVENTS_BEARER_TOKENS", canary],
    ["gateway", "EVENTS_SIGNING_SECRETS_FILE", folder],
    ["worker", "MONGODB_URL", `mongodb://user:${canary}@@host/vital`],
    ["worker", "WORKER_CONCURRENCY", "1e9"],
    ["worker", "HTTPS_PROXY", `socks5://user:${canary}@proxy`],
    ["worker", "ADMIN_PASSWORD_FILE", file("binary", Buffer.from([0x89, 0x50, 0xff, 0xfe]))],
    ["doctor", "AUTH_AUDIENCE", "${AUDIENCE}"],
    ["doctor", "VITAL_API_URL", canary],
    ["doctor", "ADMIN_PASSWORD_FILE", file("empty", "\n")],
    ["migrate", "MONGODB_URL", "<password>"],
    ["migrate", "MONGODB_URL_FILE", join(folder, canary)],
    ["status", "MONGODB_URL", `postgres://user:${canary}@host/vital`],
    ["status", "LOG_LEVEL", "loud"],
    ["retry --failed", "MONGODB_URL", `"mongodb://user:${canary}@host/vital"`],
    ["publish -", "EVENTS_SIGNING_SECRETS", `whsec_${canary}!`],
    ["publish -", "GATEWAY_PORT", "http"],
    ["publish - --queue", "REDIS_URL", `redis://user:${canary}@host/zero`],
    ["simulator", "SIMULATOR_PORT", "-1"],
    ["simulator", "SIMULATOR_API_KEY", canary],
    ["simulator", "SIMULATOR_API_KEY_FILE", folder],
  ];

  test.each(cases)("%s with a wrong %s exits 1 and names it", async (command, name, value) => {
    const without = name.endsWith("_FILE") ? { [name.slice(0, -"_FILE".length)]: "" } : {};
    const result = await runCli(command.split(" "), { ...settings, ...without, [name]: value });
    expect(result.stdout + result.stderr).toContain(`${name}: `);
    expect(result.exitCode).toBe(1);
    expectClear(result);
  });

  test.each(["GATEWAY_HOST", "ADMIN_HOST"])("a gateway whose %s does not resolve says so", async (name) => {
    const result = await runCli(["gateway"], { ...settings, LOG_LEVEL: "silent", [name]: "host.invalid" });
    expect(result.stderr).toMatch(
      /^cannot listen on host\.invalid \((?:ENOTFOUND|EAI_AGAIN)\); check GATEWAY_HOST/,
    );
    expect(result.exitCode).toBe(1);
    expectClear(result);
  });
});

describe.concurrent("arguments", () => {
  const csv = file("users.csv", "appUserId\nuser-1\n");
  const cases: [args: string[], exitCode: number, message: RegExp][] = [
    [["nonsense"], 2, /unknown command 'nonsense'/],
    [["__proto__"], 2, /unknown command/],
    [["\u001b[31mred"], 2, /unknown command '\ufffd\[31mred'/],
    [["x".repeat(100_000)], 2, /unknown command 'x{300,}…/],
    [["status", `--mongodb-url=mongodb://user:${canary}@host/vital`], 2, /unknown option '--mongodb-url=…'/],
    [["doctor", `--token=${canary}`], 2, /unknown option[^]*standard input/],
    [["gateway", "--port", "1"], 2, /unknown option '--port'/],
    [["worker", "extra"], 2, /too many arguments/],
    [["status", ""], 2, /"" is not a valid app user id/],
    [["status", "a\u0007b"], 2, /"a\ufffdb" is not a valid app user id/],
    [["status", "a", "b"], 2, /too many arguments/],
    [["retry"], 2, /name the app users, or use --failed/],
    [["retry", "--failed", "user-1"], 2, /not both/],
    [["retry", "--failed", "--code"], 2, /argument missing/],
    [["retry", "user-1", "x".repeat(2_000)], 2, /"x{80}" is not a valid app user id/],
    [["publish"], 2, /missing required argument 'file'/],
    [["publish", ""], 2, /file name is empty/],
    [["publish", folder], 2, /is a folder/],
    [["publish", join(folder, "missing")], 2, /cannot be read \(ENOENT\)/],
    [["publish", csv, "--rate", "-1"], 2, /--rate must be a whole number/],
    [["publish", csv, "--format", "xml"], 2, /--format must be csv or ndjson/],
    [["publish", csv, "--gateway", "gateway"], 2, /^--gateway must be the gateway's address/],
    [["publish", csv, "--resume", ""], 2, /--resume must name a file/],
    [["publish", csv, "--resume", csv], 2, /was not written by --resume/],
    [["publish", csv, "--resume", join(folder, "missing/state")], 1, /cannot be written \(ENOENT\)/],
    [["publish", file("lines.csv", "\ufffdPNG\n"), "--dry-run"], 2, /no column appUserId/],
    [["publish", file("array.json", '["user-1"]'), "--dry-run"], 2, /JSON array/],
    [
      ["publish", file("huge.ndjson", "x".repeat(100_000)), "--dry-run"],
      1,
      /line 1: is longer than 65536 bytes/,
    ],
    [["publish", file("bad.ndjson", '{"appUserId":\n[1]\n'), "--dry-run"], 1, /line 2: is neither/],
    [
      ["publish", file("utf16.ndjson", Buffer.from('\ufeff"a"\n', "utf16le")), "--dry-run"],
      1,
      /line 1: is not well-formed UTF-8/,
    ],
    [["publish", file("bom.csv", "\ufeffappUserId\nuser-1\n"), "--dry-run"], 0, /1 can be sent/],
  ];

  const titled = cases.map(([args, exitCode, message]) => {
    const title = JSON.stringify(args.map((arg) => basename(arg).slice(0, 40)));
    return [title, exitCode, args, message] as const;
  });

  test.each(titled)(
    "%s: exit code %i and a message that says what is wrong",
    async (_title, exitCode, args, message) => {
      const result = await runCli(args, settings);
      expect(result.stderr + result.stdout).toMatch(message);
      expect(result.exitCode).toBe(exitCode);
      expectClear(result);
    },
  );
});

/** Runs the built command in a shell, which defines where its standard streams lead. */
async function runInShell(script: string): Promise<CliResult> {
  const command = `'${process.execPath}' '${await getBuild()}/src/cli.js'`;
  const child = spawn("bash", ["-c", script.replaceAll("vital-gateway", command)], {
    env: { PATH: process.env.PATH ?? "", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { stdout, stderr, exitCode };
}

describe.concurrent("standard streams", () => {
  test.each(["gateway", "worker", "simulator"])("%s stops when its output is closed", async (command) => {
    const closed = command === "simulator" ? "true" : "head -1";
    const script = `export SIMULATOR_PORT=0; vital-gateway ${command} | ${closed}; exit \${PIPESTATUS[0]}`;
    const result = await runInShell(script);
    expect(result.stderr).toBe("");
    expect(result.exitCode).toBe(command === "simulator" ? 0 : 1);
  });

  test.each<[kind: string, script: string, exitCode: number, message: RegExp]>([
    [
      "a reader of the result that ends early",
      "MONGODB_URL= vital-gateway doctor | true; exit ${PIPESTATUS[0]}",
      1,
      /^$/,
    ],
    ["a reader of the help that ends early", "vital-gateway help | true; exit ${PIPESTATUS[0]}", 0, /^$/],
    ["a reader of the errors that ends early", "vital-gateway x 2> >(true); exit $?", 2, /^$/],
    ["a full disk", "vital-gateway help > /dev/full", 1, /^cannot write to standard output \(ENOSPC\)/],
    ["closed streams", "vital-gateway publish - --dry-run <&- 2>&-", 0, /^$/],
    ["a folder as standard input", "vital-gateway publish - --dry-run < /", 2, /^standard input is a folder/],
    ["a token that is not one", "head -c 200000 /dev/urandom | vital-gateway doctor --token", 1, /^$/],
    ["no token", "vital-gateway doctor --token < /dev/null", 1, /^$/],
  ])("%s ends in no stack trace", async (_kind, script, exitCode, message) => {
    const result = await runInShell(script);
    expect(result.stderr).toMatch(message);
    expect(result.exitCode).toBe(exitCode);
    expectClear(result);
  });
});
