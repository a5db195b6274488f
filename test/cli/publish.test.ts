import { Queue } from "bullmq";
import { Command } from "commander";
import Fastify from "fastify";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { publishCommand } from "../../src/cli/publish.js";
import { ServiceError } from "../../src/core/errors.js";
import type { SignupEvent } from "../../src/core/mapping/signup-event.js";
import { registerEventIngress } from "../../src/http/events/event-ingress.js";
import { otherSecret, readSettings, signingSecret } from "../support/http/test-ingress.js";
import { waitUntil } from "../support/wait-until.js";
import { createTestRedis } from "../support/services.js";
import { runCli } from "../support/cli/run-cli.js";
import { silentLog } from "../support/recording-log.js";

type Summary = Record<"ok" | "lines" | "sent" | "refused" | "skipped" | "lastLine" | "dryRun", unknown>;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vital-gateway-publish-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function writeInput(name: string, content: string): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

/** Starts the ingress of the gateway. A test may replace `record` while it runs. */
async function startGateway() {
  const stored: SignupEvent[] = [];
  const gateway = {
    stored,
    batches: 0,
    /** The status of every response, before the request is read, when set. */
    status: null as number | null,
    url: "",
    record: (events: SignupEvent[]) => Promise.resolve(void stored.push(...events)),
  };
  const app = Fastify({ forceCloseConnections: true });
  const { settings } = readSettings({ EVENTS_SIGNING_SECRETS: signingSecret });
  registerEventIngress(app, {
    settings,
    record(events) {
      gateway.batches += 1;
      return gateway.record(events);
    },
    now: () => new Date(),
    log: silentLog,
  });
  app.addHook("onRequest", async (_request, reply) => {
    if (gateway.status !== null) await reply.code(gateway.status).send();
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => app.close());
  gateway.url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return gateway;
}

/** Runs the command as `vital-gateway` does, but in this process. */
async function publish(
  args: string[],
  env: Record<string, string> = { EVENTS_SIGNING_SECRETS: signingSecret },
) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const stderr: string[] = [];
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr.push(String(text));
    return true;
  });
  const results: Summary[] = [];
  const lines: string[] = [];
  const output = {
    print: () => undefined,
    result(value: object, toLines: () => readonly string[]) {
      results.push(value as Summary);
      lines.push(...toLines());
    },
  };
  try {
    const command = publishCommand.declare?.(new Command().exitOverride()) ?? new Command();
    command.parse(args, { from: "user" });
    const exitCode = await publishCommand.run({ args: command.args, options: command.opts(), output });
    return { exitCode, summary: results[0], lines, stderr: stderr.join("") };
  } finally {
    spy.mockRestore();
    vi.unstubAllEnvs();
  }
}

const idsOf = (events: SignupEvent[]) => events.map(({ appUserId }) => appUserId).sort();
const users = (count: number) => Array.from({ length: count }, (_, index) => `u${index}`);
const csv = (count: number) => `id\n${users(count).join("\n")}\n`;

test("the users of a CSV file arrive as signed events, in batches", async () => {
  const gateway = await startGateway();
  const path = await writeInput(
    "users.csv",
    "app_user_id,name,created_at\nu1,a,2026-01-02T03:04:05Z\nu2,b,\n",
  );
  const { exitCode, summary, lines } = await publish([path, "--gateway", gateway.url]);
  expect(exitCode).toBe(0);
  expect(summary).toEqual({
    ok: true,
    lines: 2,
    sent: 2,
    refused: 0,
    skipped: 0,
    lastLine: 3,
    dryRun: false,
  });
  expect(lines).toEqual(["2 sent, 0 rejected"]);
  expect(idsOf(gateway.stored)).toEqual(["u1", "u2"]);
  expect(gateway.stored[0]).toMatchObject({
    type: "user.created",
    occurredAt: new Date("2026-01-02T03:04:05Z"),
  });
  expect(gateway.batches).toBe(1);
});

test("a gateway that is down for a while still receives every event", async () => {
  const gateway = await startGateway();
  const store = gateway.record;
  gateway.record = (events) =>
    gateway.batches > 5
      ? store(events)
      : Promise.reject(new ServiceError("SERVICE_UNAVAILABLE", { retryAfterMs: 1 }));
  const path = await writeInput("users.csv", csv(1_200));
  const { exitCode } = await publish([path, "--gateway", gateway.url]);
  expect(exitCode).toBe(0);
  expect(idsOf(gateway.stored)).toEqual(users(1_200).sort());
});

test("invalid lines are reported by number and do not stop the others", async () => {
  const gateway = await startGateway();
  const path = await writeInput(
    "users.ndjson",
    '"u1"\n"a\\u0000b"\n{"id":"u3","type":"user.deleted"}\nnot json\n"u5"\n',
  );
  const { exitCode, summary, stderr } = await publish([path, "--gateway", gateway.url]);
  expect(exitCode).toBe(1);
  expect(summary).toMatchObject({ ok: false, lines: 5, sent: 3, refused: 2, lastLine: 5 });
  expect(stderr).toBe(
    "line 2: appUserId must not contain control characters\nline 4: is neither a JSON object nor a JSON string\n",
  );
  expect(idsOf(gateway.stored)).toEqual(["u1", "u3", "u5"]);
});

test("a dry run validates everything without settings and sends nothing", async () => {
  const path = await writeInput("users.csv", `${csv(3)}..\n`);
  const state = `${path}.state`;
  const { exitCode, summary, lines } = await publish([path, "--dry-run", "--resume", state], {});
  expect(exitCode).toBe(1);
  expect(summary).toMatchObject({ ok: false, sent: 3, refused: 1, dryRun: true });
  expect(lines).toEqual(["3 can be sent, 1 rejected"]);
  await expect(readFile(state)).rejects.toThrow(/ENOENT/);
});

test("with --queue the events become jobs", async () => {
  const redisUrl = await createTestRedis();
  const path = await writeInput("users", csv(700));
  const { exitCode } = await publish([path, "--queue"], { REDIS_URL: redisUrl });
  expect(exitCode).toBe(0);
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  onTestFinished(() => {
    redis.disconnect();
  });
  const queue = new Queue("app-user-events", { connection: redis, prefix: "{vital}" });
  expect(await queue.getWaitingCount()).toBe(700);
});

test("a run continues after the last acknowledged line of the one before, and a third run has nothing to do", async () => {
  const gateway = await startGateway();
  const path = await writeInput("users.csv", csv(2_000));
  const state = `${path}.state`;
  const store = gateway.record;
  gateway.record = (events) => {
    // From then on the gateway sends a response that no retry can change.
    gateway.status = gateway.batches === 2 ? 403 : null;
    return store(events);
  };
  const first = await publish([path, "--gateway", gateway.url, "--resume", state, "--concurrency", "1"]);
  expect(first.exitCode).toBe(1);
  expect(first.summary).toMatchObject({ ok: false, sent: 1_000, lastLine: 1_001 });
  expect(first.lines.join()).toContain("stopped after line 1001");
  expect(JSON.parse(await readFile(state, "utf8"))).toEqual({ input: path, line: 1_001 });

  gateway.status = null;
  const second = await publish([path, "--gateway", gateway.url, "--resume", state]);
  expect(second.summary).toMatchObject({ ok: true, sent: 1_000, skipped: 1_000, lastLine: 2_001 });
  expect(idsOf(gateway.stored)).toEqual(users(2_000).sort());

  const third = await publish([path, "--gateway", gateway.url, "--resume", state]);
  expect(third.summary).toMatchObject({ ok: true, sent: 0, skipped: 2_000, lastLine: 2_001 });
  expect(gateway.stored).toHaveLength(2_000);
});

test("one event that the gateway rejects does not block its batch", async () => {
  const gateway = await startGateway();
  const store = gateway.record;
  gateway.record = (events) =>
    events.some(({ appUserId }) => appUserId === "u7")
      ? Promise.reject(Object.assign(new Error("no"), { statusCode: 400 }))
      : store(events);
  const path = await writeInput("users.csv", csv(20));
  const { exitCode, summary, stderr } = await publish([path, "--gateway", gateway.url]);
  expect(exitCode).toBe(1);
  expect(summary).toMatchObject({ sent: 19, refused: 1, lastLine: 21 });
  expect(stderr).toContain("line 9: the gateway responded 400");
});

test("--rate spreads the events evenly", async () => {
  const gateway = await startGateway();
  const path = await writeInput("users.csv", csv(100));
  const startedAt = performance.now();
  await publish([path, "--gateway", gateway.url, "--rate", "100"]);
  // 50 immediately, 50 half a second later.
  expect(performance.now() - startedAt).toBeGreaterThan(480);
  expect(gateway.batches).toBe(2);
});

test("a wrong secret or address stops the run immediately, with the reason", async () => {
  const gateway = await startGateway();
  const path = await writeInput("users.csv", csv(3));
  const wrong = await publish([path, "--gateway", gateway.url], { EVENTS_SIGNING_SECRETS: otherSecret });
  expect(wrong.exitCode).toBe(1);
  expect(wrong.lines.join()).toContain("the gateway responded 401");
  const elsewhere = await publish([path, "--gateway", `${gateway.url}/elsewhere`]);
  expect(elsewhere.lines.join()).toContain("the gateway responded 404");
});

test.each([
  [["--rate", "0"], "--rate"],
  [["--concurrency", "many"], "--concurrency"],
  [["--format", "xml"], "--format"],
  [["--gateway", "nowhere"], "--gateway must be"],
  [["--queue", "--gateway", "http://127.0.0.1:1"], "not both"],
])("wrong usage is exit code 2: %j", async (args, message) => {
  const path = await writeInput("users.csv", csv(1));
  await expect(publish([path, ...args])).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(message) as string,
  });
});

test("missing files, folders, and checkpoints of another input are exit code 2", async () => {
  const path = await writeInput("users.csv", csv(1));
  await expect(publish([`${path}.no`])).rejects.toMatchObject({ exitCode: 2 });
  await expect(publish([await temporaryFolder()])).rejects.toMatchObject({ exitCode: 2 });
  const state = await writeInput("state", '{"input":"/other.csv","line":3}');
  await expect(publish([path, "--resume", state])).rejects.toThrow(/belongs to \/other.csv/);
  await writeFile(state, "{");
  await expect(publish([path, "--resume", state])).rejects.toThrow(/was not written by --resume/);
});

test("the process reads standard input, and prints its summary as JSON", async () => {
  const gateway = await startGateway();
  const settings = { EVENTS_SIGNING_SECRETS: signingSecret, GATEWAY_PORT: new URL(gateway.url).port };
  const { exitCode, stdout, stderr } = await runCli(["publish", "-", "--json"], settings, '"u1"\n"u2"');
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, sent: 2, lastLine: 2 });
  expect(exitCode).toBe(0);
  expect(idsOf(gateway.stored)).toEqual(["u1", "u2"]);
});

test("Ctrl-C leaves a checkpoint from which a second run sends the rest", async () => {
  const gateway = await startGateway();
  const path = await writeInput("users.csv", csv(5_000));
  const state = `${path}.state`;
  const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
  const args = [
    "--import",
    "tsx",
    cli,
    "publish",
    path,
    "--gateway",
    gateway.url,
    "--resume",
    state,
    "--rate",
    "1000",
  ];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, EVENTS_SIGNING_SECRETS: signingSecret },
    stdio: "ignore",
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await waitUntil("some have arrived", () => gateway.stored.length >= 1_000, 15_000);
  child.kill("SIGINT");
  expect(await exited).toBe(130);
  const { line } = JSON.parse(await readFile(state, "utf8")) as { line: number };
  expect(line).toBeGreaterThanOrEqual(1_000);
  expect(line).toBeLessThan(5_000);
  const { summary } = await publish([path, "--gateway", gateway.url, "--resume", state]);
  expect(summary).toMatchObject({ ok: true, skipped: line - 1 });
  expect(new Set(idsOf(gateway.stored))).toEqual(new Set(users(5_000)));
});
