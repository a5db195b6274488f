import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** A separate process, which loads what a service with a publisher over HTTP loads. */
test("over HTTP neither the driver of the queue nor that of the database is loaded", () => {
  const publisher = new URL("../../src/publisher/publisher.ts", import.meta.url).href;
  const program = `
    const { createSignupPublisher } = await import(${JSON.stringify(publisher)});
    const signingSecret = "whsec_" + Buffer.alloc(32).toString("base64");
    const publisher = createSignupPublisher({ gatewayUrl: "http://127.0.0.1:1", signingSecret });
    await publisher.publish({ type: "user.created", appUserId: "u1" }, { deadlineMs: 50 }).catch(() => undefined);
    await publisher.close();
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify(loaded));
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", program],
    {
      encoding: "utf8",
      cwd: new URL("../..", import.meta.url),
    },
  );
  const loaded = JSON.parse(stdout || `"${stderr}"`) as string[];
  const packages = new Set(loaded.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]));
  expect(packages).toContain("undici");
  for (const heavy of [
    "bullmq",
    "ioredis",
    "mongoose",
    "mongodb",
    "@apollo/server",
    "graphql",
    "fastify",
    "zod",
  ]) {
    expect(packages).not.toContain(heavy);
  }
});
