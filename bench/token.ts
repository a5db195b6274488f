/**
 * Measures the cost of one sign-in token: the server's CPU time, in microseconds, for each request of the mutation. It
 * compares the gateway as it ships, the gateway without one protection at a time, and a typical server that does the same
 * work. All servers are separate processes and take turns in the same run. Run: npm run bench -- token
 */
import { parseArgs } from "node:util";
import { waitUntil } from "../test/support/wait-until.js";
import { buildProduct } from "./harness/build.js";
import type { LoadResult } from "./harness/load.js";
import { startMeasured, type MeasuredProcess } from "./harness/measured-process.js";
import { median, printTable } from "./harness/report.js";
import { startEnvironment, viewers } from "./harness/environment.js";
import type { TokenLoadOptions } from "./processes/token-load.js";

const mutation = JSON.stringify({
  query: "mutation SignIn { vitalSignInToken { userId signInToken environment region } }",
});
const connections = 50;

type Variant = {
  name: string;
  script: "processes/gateway" | "processes/token-baseline";
  path: string;
  settings?: Record<string, string>;
  /** Every request has an access token that the server has not seen before. */
  isColdToken?: boolean;
};

const gateway = { script: "processes/gateway", path: "/graphql" } as const;
const baseline = { script: "processes/token-baseline", path: "/" } as const;
const variants: readonly Variant[] = [
  { ...gateway, name: "gateway" },
  { ...gateway, name: "gateway, no rate limit", settings: { GATEWAY_TOKENS_PER_MINUTE: "0" } },
  { ...gateway, name: "gateway, no failure counting", settings: { GATEWAY_AUTH_FAILURES_PER_MINUTE: "0" } },
  { ...gateway, name: "gateway, new access tokens", isColdToken: true },
  { ...baseline, name: "baseline" },
];

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "6000" },
    only: { type: "string" },
    /** Writes a CPU profile of the first variant into this folder. */
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const chosen = values.only === undefined ? variants : variants.slice(0, Number(values.only));

type Round = LoadResult & { cpuMicroseconds: number };

async function measure(
  server: MeasuredProcess,
  load: MeasuredProcess,
  options: TokenLoadOptions,
): Promise<Round> {
  const before = await server.usage();
  const result = await load.request<LoadResult>(options);
  const after = await server.usage();
  if (result.failed > 0) throw new Error(`${result.failed} requests received no token: ${result.example}`);
  return { ...result, cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / result.requests };
}

const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => null))?.status === 200;

type Server = Variant & { server: MeasuredProcess; rounds: Round[] };

async function startServers(
  script: (name: string) => string,
  settings: Record<string, string>,
): Promise<Server[]> {
  const servers: Server[] = [];
  for (const variant of chosen) {
    const isProfiled = values.profile !== undefined && servers.length === 0;
    const flags = isProfiled ? ["--cpu-prof", "--cpu-prof-dir", values.profile ?? ""] : [];
    const own = { ...settings, ...variant.settings };
    const server = await startMeasured(script(variant.script), own, 0, flags);
    if (variant.script === "processes/gateway") {
      await waitUntil("the gateway is ready", () => isReady(server.url), 20_000);
    }
    servers.push({ ...variant, server, rounds: [] });
  }
  return servers;
}

function print(servers: readonly Server[]): void {
  const gatewayCpu = median(servers[0]?.rounds.map(({ cpuMicroseconds }) => cpuMicroseconds) ?? []);
  printTable(
    ["", "CPU µs per request", "this / gateway", "requests per s", "p50 ms", "p99 ms"],
    servers.map(({ name, rounds: results }) => {
      const medianOf = (read: (round: Round) => number) => median(results.map(read));
      const cpu = medianOf(({ cpuMicroseconds }) => cpuMicroseconds);
      return [
        name,
        cpu.toFixed(0),
        (cpu / gatewayCpu).toFixed(2),
        medianOf((result) => result.requests / result.seconds).toFixed(0),
        medianOf(({ p50Ms }) => p50Ms).toFixed(1),
        medianOf(({ p99Ms }) => p99Ms).toFixed(1),
      ];
    }),
  );
}

const closers: (() => unknown)[] = [];
try {
  const product = await buildProduct();
  closers.push(product.remove);
  const upstream = await startMeasured(product.script("processes/vital-stub"), {}, 1);
  closers.push(upstream.stop);
  const environment = await startEnvironment(upstream.url);
  closers.push(environment.stop);
  const load = await startMeasured(product.script("processes/token-load"), {}, 1);
  closers.push(load.stop);
  const warm = environment.createAccessTokens(viewers);
  const servers = await startServers(product.script, environment.settings);
  for (const { server } of servers) closers.push(server.stop);

  for (let round = 0; round <= rounds; round += 1) {
    for (const { server, path, isColdToken = false, rounds: results } of servers) {
      const count = isColdToken ? Math.ceil(requests / 2) : requests;
      const accessTokens = isColdToken
        ? environment.createAccessTokens(count)
        : Array.from({ length: count }, (_, index) => warm[index % viewers] ?? "");
      const options = { url: server.url, path, body: mutation, accessTokens, connections };
      const result = await measure(server, load, options);
      // The first round is a warm-up.
      if (round > 0) results.push(result);
    }
  }
  print(servers);
} finally {
  for (const close of closers.reverse()) await close();
}
