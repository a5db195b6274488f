/**
 * Measures the cost of receiving one signup event: the server's CPU time, in microseconds, for each signed event that one
 * sender sends as fast as the server accepts it. It compares the gateway as it ships with typical handlers that do the
 * same work. All servers are separate processes and take turns in the same run. Run: npm run bench -- ingress
 *
 * With `--settle`, a worker then provisions all users with the simulator, and every accepted event must lead to an active
 * mapping.
 */
import mongoose from "mongoose";
import { parseArgs } from "node:util";
import { startSimulator } from "../simulator/server.js";
import { waitUntil } from "../test/support/wait-until.js";
import type { EventLoadOptions } from "./processes/event-load.js";
import { buildProduct } from "./harness/build.js";
import type { Usage } from "./harness/control.js";
import type { LoadResult } from "./harness/load.js";
import { startMeasured, type MeasuredProcess } from "./harness/measured-process.js";
import { median, printTable } from "./harness/report.js";
import { startEnvironment } from "./harness/environment.js";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    events: { type: "string", default: "20000" },
    connections: { type: "string", default: "64" },
    settle: { type: "boolean", default: false },
    /** Writes a CPU profile of the gateway into this folder. */
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const eventsPerRound = Math.ceil(Number(values.events) / rounds);

type Round = LoadResult & { cpuMicroseconds: number };
type Variant = { name: string; server: MeasuredProcess; rounds: Round[]; first: Usage; last: Usage };

const medianOf = (variant: Variant, name: keyof Omit<Round, "example">) =>
  median(variant.rounds.map((round) => round[name]));

async function runRound(variant: Variant, load: MeasuredProcess, round: number): Promise<void> {
  const before = await variant.server.usage();
  // The first round is a warm-up.
  if (round === 1) variant.first = before;
  const options: EventLoadOptions = {
    url: variant.server.url,
    secret,
    prefix: `round-${round}-`,
    count: eventsPerRound,
    connections: Number(values.connections),
  };
  const result = await load.request<LoadResult>(options);
  if (result.failed > 0) throw new Error(`${result.failed} events were not accepted: ${result.example}`);
  variant.last = await variant.server.usage();
  const cpuMicroseconds = (variant.last.cpuMicroseconds - before.cpuMicroseconds) / eventsPerRound;
  if (round > 0) variant.rounds.push({ ...result, cpuMicroseconds });
}

function print(variants: readonly Variant[]): void {
  const [gateway] = variants;
  if (gateway === undefined) return;
  const gatewayCpu = medianOf(gateway, "cpuMicroseconds");
  const toMegabytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);
  console.log(`${rounds} rounds of ${eventsPerRound} events over ${values.connections} connections`);
  printTable(
    ["", "CPU µs per event", "gateway / this", "events per s", "p50 ms", "p99 ms", "RSS MB"],
    variants.map((variant) => [
      variant.name,
      medianOf(variant, "cpuMicroseconds").toFixed(0),
      (gatewayCpu / medianOf(variant, "cpuMicroseconds")).toFixed(2),
      (eventsPerRound / medianOf(variant, "seconds")).toFixed(0),
      medianOf(variant, "p50Ms").toFixed(1),
      medianOf(variant, "p99Ms").toFixed(1),
      `${toMegabytes(variant.first.rssBytes)} → ${toMegabytes(variant.last.rssBytes)}`,
    ]),
  );
}

/** Waits until every accepted event has led to an active mapping. */
async function settle(mongodbUrl: string, expected: number): Promise<void> {
  const startedAt = performance.now();
  const connection = await mongoose.createConnection(mongodbUrl).asPromise();
  const mappings = connection.collection("vital_user_mappings");
  const countActive = () => mappings.countDocuments({ state: "active", _id: /^round-/ as never });
  await waitUntil("all are active", async () => (await countActive()) === expected, 600_000);
  await connection.close();
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`All ${expected} accepted events led to active mappings within ${seconds.toFixed(1)} s.`);
}

const closers: (() => unknown)[] = [];
try {
  const product = await buildProduct();
  closers.push(product.remove);
  const simulator = await startSimulator({});
  closers.push(() => simulator.close());
  const { settings, stop } = await startEnvironment(simulator.url);
  closers.push(stop);
  const script = (name: string) => product.script(`processes/${name}`);
  const load = await startMeasured(script("event-load"), {}, 1);
  closers.push(load.stop);

  async function start(
    name: string,
    path: string,
    environment: Record<string, string>,
    flags: string[] = [],
  ) {
    const server = await startMeasured(path, environment, 0, flags);
    closers.push(server.stop);
    const usage = await server.usage();
    return { name, server, rounds: [], first: usage, last: usage } satisfies Variant;
  }

  const flags = values.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", values.profile];
  const gatewaySettings = { ...settings, EVENTS_SIGNING_SECRETS: secret };
  const toBaselineSettings = (check: string) => ({
    MONGODB_URL: settings.MONGODB_URL.replace(
      /\/[^/]*$/,
      `/vital_gateway_bench_plain_${process.pid}_${check}`,
    ),
    REDIS_URL: settings.REDIS_URL,
    SIGNING_SECRET: secret,
    SIGNATURE_CHECK: check,
  });
  const variants: Variant[] = [
    await start("gateway", product.script("processes/gateway"), gatewaySettings, flags),
    await start("baseline, standardwebhooks", script("ingress-baseline"), toBaselineSettings("package")),
    await start("baseline, node:crypto", script("ingress-baseline"), toBaselineSettings("crypto")),
  ];
  const gatewayUrl = variants[0]?.server.url ?? "";
  const isReady = async () => (await fetch(`${gatewayUrl}/readyz`).catch(() => null))?.status === 200;
  await waitUntil("the gateway is ready", isReady, 20_000);

  for (let round = 0; round <= rounds; round += 1) {
    for (const variant of variants) await runRound(variant, load, round);
  }
  print(variants);
  if (values.settle) {
    const worker = await startMeasured(script("worker"), gatewaySettings, 1);
    closers.push(worker.stop);
    await settle(settings.MONGODB_URL, (rounds + 1) * eventsPerRound);
  }
  for (const check of ["package", "crypto"]) {
    const client = new mongoose.mongo.MongoClient(toBaselineSettings(check).MONGODB_URL);
    await client.db().dropDatabase();
    await client.close();
  }
} finally {
  for (const close of closers.reverse()) await close();
}
