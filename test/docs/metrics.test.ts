import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { createMetrics } from "../../src/telemetry/metrics.js";

const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");

const ok = () => Promise.resolve();
const mappings = { pending: 1, active: 1, failed: 1, deleting: 1, deleted: 1 };

/** Creates the metrics of a process in which everything has occurred once, and returns a scrape. */
async function scrape(): Promise<string> {
  const metrics = createMetrics({
    sources: {
      readBacklog: () => Promise.resolve({ mappings, oldestPendingSeconds: 1, oldestDeletingSeconds: 1 }),
      readQueues: () => Promise.resolve({ queueJobs: { provisioning: { waiting: 1 } }, isPaused: false }),
      pingMongo: ok,
      pingRedis: ok,
      askVital: ok,
    },
    workerConcurrency: 1,
    now: () => new Date(),
  });
  metrics.observeHttp("/graphql", 200, 1);
  metrics.tokenRequested("issued");
  metrics.sharedUserId("email");
  metrics.eventReceived("own", "accepted");
  metrics.eventIgnored("user.updated");
  metrics.eventAhead("own");
  metrics.deletionBlocked();
  metrics.provisioned("active", 1);
  metrics.vitalCalled("create-user", 200, 1);
  metrics.reenqueued(1);
  metrics.rateLimited(1);
  metrics.credentialsRefused(false);
  metrics.wrongTeam(false);
  metrics.workerRebuilt();
  return (await metrics.read()).body;
}

/** Returns the metrics of a scrape with their labels, such as `vital_gateway_queue_jobs{queue,state}`. */
function listMetrics(body: string, types: readonly string[]): string[] {
  return [...body.matchAll(/^# TYPE (vital_gateway_\w+) (\w+)$/gm)]
    .filter(([, name = "", type = ""]) => types.includes(type) && !/_gateway_(?:process|nodejs)_/.test(name))
    .map(([, name = ""]) => {
      const sample = new RegExp(`^${name}(?:_bucket|_count)?\\{(.*)\\} `, "m").exec(body)?.[1] ?? "";
      const labels = [...sample.matchAll(/(\w+)="/g)]
        .map(([, label]) => label)
        .filter((label) => label !== "le");
      return labels.length === 0 ? name : `${name}{${labels.join(",")}}`;
    })
    .sort();
}

const section = (heading: string) => page.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
const rows = (heading: string) =>
  [...section(heading).matchAll(/^\| `(vital_gateway_[^`]+)` +\|/gm)].map(([, name]) => name).sort();

test("docs/metrics.md lists every gauge under the current state, and every other metric under the activity", async () => {
  const body = await scrape();
  expect(rows("Current state")).toEqual(listMetrics(body, ["gauge"]));
  expect(rows("Activity")).toEqual(listMetrics(body, ["counter", "histogram"]));
});

test("every metric in the alert rules and the README exists", async () => {
  const names = listMetrics(await scrape(), ["gauge", "counter", "histogram"]).map((name) =>
    name.replace(/\{.*/, ""),
  );
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const used = [...(section("Alert rules") + readme).matchAll(/vital_gateway_\w+/g)].map(([name]) => name);
  expect(used.length).toBeGreaterThan(8);
  expect(used.filter((name) => !names.includes(name))).toEqual([]);
});

test("the alert rules are valid YAML, and each has an expression and a summary", () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(section("Alert rules"))?.[1] ?? "";
  const { groups } = parse(text) as { groups: { name: string; rules: Record<string, unknown>[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(4);
  for (const rule of rules) {
    expect(rule).toMatchObject({
      alert: expect.stringMatching(/^VitalGateway[A-Za-z]+$/) as string,
      expr: expect.stringContaining("vital_gateway_") as string,
      annotations: { summary: expect.any(String) as string },
    });
  }
});

test("the row of a gauge says whether it can be absent, as a scrape during an outage shows", async () => {
  const down = () => Promise.reject(new Error("down"));
  const sources = { readBacklog: down, readQueues: down, pingMongo: down, pingRedis: down, askVital: down };
  const metrics = createMetrics({ sources, workerConcurrency: 1, now: () => new Date() });
  const { body } = await metrics.read();
  const neverAbsent = [...section("Current state").matchAll(/^\| `(\w+)[^|]*\|.*\| never +\|$/gm)].map(
    ([, name]) => name,
  );
  const present = [...body.matchAll(/^(vital_gateway_\w+)(?:\{.*\})? \S+$/gm)].map(([, name]) => name);
  const gauges = rows("Current state").map((name) => name?.replace(/\{.*/, ""));
  expect(gauges.filter((name) => present.includes(name))).toEqual(neverAbsent.sort());
});
