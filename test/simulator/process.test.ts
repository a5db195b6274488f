import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

import { startTestSimulator } from "../support/simulator.js";

/** Starts the simulator in a separate process, with only the given settings. */
function startProcess(settings: Record<string, string>) {
  const child = spawn(process.execPath, ["--import", "tsx", "simulator/main.ts"], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    child,
    /** Resolves with the first line on stdout. */
    started: async () => {
      const [chunk] = (await once(child.stdout, "data")) as [Buffer];
      return JSON.parse(chunk.toString()) as { level: string; msg: string; url: string; time: number };
    },
    ended: async () => ({ code: (await exited)[0], stderr }),
  };
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "the process logs its address and stops on %s, even while a request hangs",
  async (signal) => {
    const { child, started, ended } = startProcess({ SIMULATOR_PORT: "0" });
    const line = await started();
    expect(line).toMatchObject({ level: "info", msg: "simulator listening" });
    expect(line.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const fault = JSON.stringify({ kind: "hang" });
    await fetch(`${line.url}/__simulator/faults`, { method: "POST", body: fault });
    const hung = fetch(`${line.url}/v2/user`).catch(() => "connection closed");
    await fetch(`${line.url}/__simulator/requests`);
    child.kill(signal);
    expect(await ended()).toEqual({ code: 0, stderr: "" });
    expect(await hung).toBe("connection closed");
  },
);

test("the key can be read from a file, and no other key is accepted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "simulator-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "key"), "sk_eu_from-file\n");
  const { started } = startProcess({
    SIMULATOR_PORT: "0",
    SIMULATOR_HOST: "0.0.0.0",
    SIMULATOR_API_KEY_FILE: join(folder, "key"),
  });
  const { url } = await started();
  const list = (key: string) => fetch(`${url}/v2/user`, { headers: { "x-vital-api-key": key } });
  expect((await list("sk_eu_from-file")).status).toBe(200);
  expect((await list("sk_eu_other")).status).toBe(401);
});

describe("the process does not start", () => {
  test("with invalid settings, and names each of them without showing a secret", async () => {
    const { ended } = startProcess({
      SIMULATOR_PORT: "http",
      SIMULATOR_SANDBOX_USER_CAP: "0",
      SIMULATOR_API_KEY: "my-secret",
      SIMULATOR_LOCAL_SDK: "yes",
    });
    const { code, stderr } = await ended();
    expect(code).toBe(1);
    expect(stderr).toContain("SIMULATOR_PORT: must be a whole number");
    expect(stderr).toContain("SIMULATOR_SANDBOX_USER_CAP: must be");
    expect(stderr).toContain("SIMULATOR_API_KEY: must begin with");
    expect(stderr).toContain('SIMULATOR_LOCAL_SDK: must be true or false, not "yes"');
    expect(stderr).not.toContain("my-secret");
  });

  test("on a port that is in use", async () => {
    const vital = await startTestSimulator();
    onTestFinished(() => vital.close());
    const { ended } = startProcess({ SIMULATOR_PORT: new URL(vital.url).port });
    const { code, stderr } = await ended();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^SIMULATOR_PORT: port \d+ on 127\.0\.0\.1 is in use; set another port/);
  });
});
