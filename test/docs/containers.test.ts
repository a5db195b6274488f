import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The blocks below a key at some depth of indentation: name → text. Enough for a file that we wrote ourselves. */
function readBlocks(text: string, indent: number): Map<string, string> {
  const space = " ".repeat(indent);
  const blocks = new Map<string, string>();
  let current = "";
  for (const line of text.split("\n")) {
    const name = new RegExp(`^${space}([\\w-]+):`).exec(line)?.[1];
    if (name !== undefined) current = name;
    else if (/^\s*#/.test(line)) continue;
    blocks.set(current, `${blocks.get(current) ?? ""}${line}\n`);
  }
  return blocks;
}

describe("docker-compose.yml", () => {
  const sections = readBlocks(readText("docker-compose.yml"), 0);
  const services = readBlocks(sections.get("services") ?? "", 2);
  const own = ["gateway", "worker", "migrate", "simulator"];

  test("has all services, the simulator under a profile", () => {
    const names = [...services.keys()].filter((name) => name !== "" && name !== "services");
    expect(names.sort()).toEqual([...own, "mongodb", "redis"].sort());
    expect(services.get("simulator")).toContain("profiles: [simulator]");
  });

  test("lets workers be as many as wanted: no name and no port of its own", () => {
    expect(services.get("worker")).not.toMatch(/container_name|ports:/);
  });

  test("gives each long-lived service a health check, and our own an end in time", () => {
    for (const [name, text] of services) {
      if (name !== "migrate" && name !== "services" && name !== "")
        expect(text, name).toContain("healthcheck:");
      if (own.includes(name)) expect(text).toContain("<<: *service");
    }
    expect(sections.get("x-service")).toMatch(/stop_grace_period: 15s/);
    expect(sections.get("x-service")).toMatch(/init: true/);
  });

  test("keeps the queue in Redis and never evicts it; MongoDB is a replica set", () => {
    expect(services.get("redis")).toMatch(/"--appendonly", "yes".*"--maxmemory-policy", "noeviction"/);
    expect(services.get("mongodb")).toMatch(/--replSet.*\n[\s\S]*rs\.initiate/);
    expect(`${services.get("mongodb") ?? ""}${services.get("redis") ?? ""}`).not.toContain("ports:");
  });

  test("holds no secret: keys reach the processes as files", () => {
    const text = readText("docker-compose.yml").replace(/^\s*#.*$/gm, "");
    expect(text).not.toMatch(/[sp]k_(us|eu)_|whsec_|password/i);
    expect(text).toContain("VITAL_API_KEY_FILE: /run/secrets/vital_api_key");
    expect(text).not.toMatch(
      /^\s+(VITAL_API_KEY|EVENTS_SIGNING_SECRETS|EVENTS_BEARER_TOKENS|ADMIN_PASSWORD):\s*\S/m,
    );
  });
});

test("the image runs without root, without what is for development, and stops on SIGTERM", () => {
  const text = readText("Dockerfile");
  expect(text).toContain("npm ci --omit=dev");
  expect(text).toMatch(/^USER node$/m);
  expect(text).toMatch(/^HEALTHCHECK /m);
  expect(text).toMatch(/^ENTRYPOINT \["node", "dist\/src\/cli\.js"\]$/m);
  expect(text).toContain("rm -rf dist/src/dev");
});

test("nothing but what the image is built from goes to the builder", () => {
  const lines = readText(".dockerignore").split("\n");
  expect(lines).toContain("*");
  expect(lines.filter((line) => line.startsWith("!"))).not.toContain("!.env");
});
