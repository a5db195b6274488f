import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

type Service = {
  command: string[];
  init?: boolean;
  stop_grace_period?: string;
  profiles?: string[];
  ports?: string[];
  container_name?: string;
  environment?: Record<string, string | null>;
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
};
type Compose = { services: Record<string, Service>; secrets: Record<string, { environment: string }> };

describe("docker-compose.yml", () => {
  const text = readText("docker-compose.yml");
  const { services, secrets } = parse(text, { merge: true }) as Compose;
  const own = ["gateway", "worker", "migrate", "simulator"];
  const get = (name: string): Service => {
    const service = services[name];
    if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  };

  test("has every service, and the simulator only under a profile", () => {
    expect(Object.keys(services).sort()).toEqual([...own, "mongodb", "redis"].sort());
    const profiled = Object.keys(services).filter((name) => get(name).profiles !== undefined);
    expect(profiled).toEqual(["simulator"]);
  });

  test("can run any number of workers, because they have neither a fixed name nor a port", () => {
    expect(get("worker")).not.toHaveProperty("container_name");
    expect(get("worker")).not.toHaveProperty("ports");
  });

  test("gives each long-lived service a health check, and each process of the product time to stop", () => {
    for (const [name, { healthcheck }] of Object.entries(services)) {
      if (name === "migrate") expect(healthcheck).toEqual({ disable: true });
      else expect(healthcheck?.test?.[0], name).toBe("CMD");
    }
    for (const name of own) {
      expect(get(name), name).toMatchObject({ init: true, stop_grace_period: "15s", command: [name] });
    }
  });

  test("starts gateway and worker once the indexes exist and Redis responds", () => {
    for (const name of ["gateway", "worker"]) {
      expect(get(name).depends_on).toEqual({
        migrate: { condition: "service_completed_successfully" },
        redis: { condition: "service_healthy" },
      });
    }
    expect(get("migrate").depends_on).toEqual({ mongodb: { condition: "service_healthy" } });
  });

  test("persists the queue in Redis and never evicts it, and MongoDB initiates its own replica set", () => {
    const redis = get("redis").command.join(" ");
    expect(redis).toContain("--appendonly yes");
    expect(redis).toContain("--maxmemory-policy noeviction");
    expect(get("mongodb").command).toContain("--replSet");
    expect(get("mongodb").healthcheck?.test?.at(-1)).toContain("rs.initiate(");
    for (const name of ["mongodb", "redis"]) expect(get(name), name).not.toHaveProperty("ports");
  });

  test("gives each process of the product only settings that are documented", () => {
    const documented = readText("docs/settings.md");
    for (const name of own) {
      for (const setting of Object.keys(get(name).environment ?? {})) {
        expect(documented, `${name}: ${setting}`).toContain(`| \`${setting.replace(/_FILE$/, "")}\``);
      }
    }
  });

  test("contains no secret: processes read their keys from files", () => {
    expect(text.replace(/^\s*#.*$/gm, "")).not.toMatch(/[sp]k_(us|eu)_|whsec_|password/i);
    for (const name of ["gateway", "worker"]) {
      const { environment = {}, secrets: files = [] } = get(name);
      expect(environment.VITAL_API_KEY_FILE).toBe("/run/secrets/vital_api_key");
      const named = Object.entries(environment).filter(([setting]) => setting.endsWith("_FILE"));
      expect(named.map(([, path]) => path).sort()).toEqual(
        files.map((file) => `/run/secrets/${file}`).sort(),
      );
      expect(named.map(([setting]) => setting.replace(/_FILE$/, "")).sort()).toEqual(
        files.map((file) => secrets[file]?.environment).sort(),
      );
      for (const [setting] of named) expect(environment).not.toHaveProperty(setting.replace(/_FILE$/, ""));
    }
  });
});

describe("the image", () => {
  const dockerfile = readText("Dockerfile");

  test("runs without root and without development files, and stops on SIGTERM", () => {
    expect(dockerfile).toContain("npm ci --omit=dev");
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", "dist\/src\/cli\.js"\]$/m);
    expect(dockerfile).not.toMatch(/^COPY (?:dev|test|bench)\b/m);
  });

  test("sends to the builder exactly the files that it copies", () => {
    const [first, ...kept] = readText(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(first).toBe("*");
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
      paths.split(" "),
    );
    const roots = new Set(copied.map((path) => `!${path.split("/", 1)[0] ?? ""}`));
    expect([...roots].sort()).toEqual(kept.sort());
  });
});
