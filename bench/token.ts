/**
 * What one sign-in token costs: microseconds of CPU of the server for each request of the mutation, for the gateway as
 * it ships, for the gateway without one protection at a time, and for the same job as it is usually written. All in
 * one run, in rounds that alternate, each server a process of its own. Run: npm run bench -- token
 */
import { parseArgs } from "node:util";
import { waitUntil } from "../test/support/wait-until.js";
import { buildProduct } from "./harness/build.js";
import type { LoadResult } from "./harness/load.js";
import { startMeasured, type MeasuredProcess } from "./harness/measured-process.js";
import { median } from "./harness/report.js";
import { startEnvironment, viewers } from "./harness/environment.js";
import type { LoadOrder } from "./processes/token-load.js";

const mutation = JSON.stringify({
  query: "mutation SignIn { vitalSignInToken { userId signInToken environment region } }",
});
const connections = 50;

type Contestant = {
  name: string;
  script: "processes/gateway" | "processes/token-baseline";
  path: string;
  settings?: Record<string, string>;
  /** Every request carries a token that the server has not met. */
  isColdToken?: boolean;
};

const ours = { script: "processes/gateway", path: "/graphql" } as const;
const usual = { script: "processes/token-baseline", path: "/" } as const;
const contestants: readonly Contestant[] = [
  { ...ours, name: "the gateway" },
  { ...ours, name: "  without the rate limit", settings: { GATEWAY_TOKENS_PER_MINUTE: "0" } },
  { ...ours, name: "  without counting failures", settings: { GATEWAY_AUTH_FAILURES_PER_MINUTE: "0" } },
  { ...ours, name: "the gateway, every token new", isColdToken: true },
  { ...usual, name: "as usually written" },
];

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "6000" },
    only: { type: "string" },
    /** Leaves a CPU profile of the first contestant in this folder. */
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const chosen = values.only === undefined ? contestants : contestants.slice(0, Number(values.only));

type Round = LoadResult & { cpuMicroseconds: number };

async function measure(server: MeasuredProcess, load: MeasuredProcess, order: LoadOrder): Promise<Round> {
  const before = await server.usage();
  const result = await load.ask<LoadResult>(order);
  const after = await server.usage();
  if (result.refused > 0) throw new Error(`${result.refused} requests got no token: ${result.example}`);
  return { ...result, cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / result.requests };
}

const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => null))?.status === 200;

type Server = Contestant & { server: MeasuredProcess; rounds: Round[] };

async function startServers(
  script: (name: string) => string,
  settings: Record<string, string>,
): Promise<Server[]> {
  const servers: Server[] = [];
  for (const contestant of chosen) {
    const isProfiled = values.profile !== undefined && servers.length === 0;
    const flags = isProfiled ? ["--cpu-prof", "--cpu-prof-dir", values.profile ?? ""] : [];
    const own = { ...settings, ...contestant.settings };
    const server = await startMeasured(script(contestant.script), own, 0, flags);
    if (contestant.script === "processes/gateway") {
      await waitUntil("the gateway is ready", () => isReady(server.url), 20_000);
    }
    servers.push({ ...contestant, server, rounds: [] });
  }
  return servers;
}

function print(servers: readonly Server[]): void {
  const reference = median(servers[0]?.rounds.map(({ cpuMicroseconds }) => cpuMicroseconds) ?? []);
  console.log(`${"".padEnd(30)} CPU µs each   to ours   each/s    p50 ms    p99 ms`);
  for (const { name, rounds: results } of servers) {
    const cpu = median(results.map(({ cpuMicroseconds }) => cpuMicroseconds));
    const cells = [
      cpu.toFixed(0).padStart(12),
      (cpu / reference).toFixed(2).padStart(10),
      median(results.map((result) => result.requests / result.seconds))
        .toFixed(0)
        .padStart(9),
      median(results.map(({ p50Ms }) => p50Ms))
        .toFixed(1)
        .padStart(10),
      median(results.map(({ p99Ms }) => p99Ms))
        .toFixed(1)
        .padStart(10),
    ];
    console.log(name.padEnd(30) + cells.join(""));
  }
}

const closers: (() => unknown)[] = [];
try {
  const product = await buildProduct();
  closers.push(product.remove);
  const upstream = await startMeasured(product.script("processes/vital-stub"), {}, 1);
  closers.push(upstream.stop);
  const surroundings = await startEnvironment(upstream.url);
  closers.push(surroundings.stop);
  const load = await startMeasured(product.script("processes/token-load"), {}, 1);
  closers.push(load.stop);
  const warm = surroundings.createAccessTokens(viewers);
  const servers = await startServers(product.script, surroundings.settings);
  for (const { server } of servers) closers.push(server.stop);

  for (let round = 0; round <= rounds; round += 1) {
    for (const { server, path, isColdToken = false, rounds: results } of servers) {
      const count = isColdToken ? Math.ceil(requests / 2) : requests;
      const bearers = isColdToken
        ? surroundings.createAccessTokens(count)
        : Array.from({ length: count }, (_, index) => warm[index % viewers] ?? "");
      const order = { url: server.url, path, body: mutation, bearers, connections };
      const result = await measure(server, load, order);
      // The first round warms up.
      if (round > 0) results.push(result);
    }
  }
  print(servers);
} finally {
  for (const close of closers.reverse()) await close();
}
