/**
 * What taking in one signup event costs: microseconds of CPU of the server for each signed event that one sender
 * pushes as fast as it is taken, for the gateway as it ships, and for the same job as it is mostly written. All in one
 * run, in rounds that alternate, each server a process of its own. Run: npm run bench -- ingress
 *
 * With `--settle` a worker then provisions all of them at the simulator, and every acknowledged one has to be active.
 */
import mongoose from "mongoose";
import { parseArgs } from "node:util";
import { startSimulator } from "../simulator/server.js";
import { waitUntil } from "../test/support/wait-until.js";
import type { LoadOrder } from "./processes/event-load.js";
import { buildProduct } from "./harness/build.js";
import type { Usage } from "./harness/control.js";
import type { LoadResult } from "./harness/load.js";
import { startMeasured, type MeasuredProcess } from "./harness/measured-process.js";
import { median } from "./harness/report.js";
import { startEnvironment } from "./harness/environment.js";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    events: { type: "string", default: "20000" },
    connections: { type: "string", default: "64" },
    settle: { type: "boolean", default: false },
    /** Leaves a CPU profile of the gateway in this folder. */
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const eventsPerRound = Math.ceil(Number(values.events) / rounds);

type Round = LoadResult & { cpuMicroseconds: number };
type Contestant = { name: string; server: MeasuredProcess; rounds: Round[]; first: Usage; last: Usage };

const medianOf = (contestant: Contestant, name: keyof Omit<Round, "example">) =>
  median(contestant.rounds.map((round) => round[name]));

async function runRound(contestant: Contestant, load: MeasuredProcess, round: number): Promise<void> {
  const before = await contestant.server.usage();
  // The first round warms up.
  if (round === 1) contestant.first = before;
  const order: LoadOrder = {
    url: contestant.server.url,
    secret,
    prefix: `round-${round}-`,
    count: eventsPerRound,
    connections: Number(values.connections),
  };
  const result = await load.ask<LoadResult>(order);
  if (result.refused > 0) throw new Error(`${result.refused} events were not taken: ${result.example}`);
  contestant.last = await contestant.server.usage();
  const cpuMicroseconds = (contestant.last.cpuMicroseconds - before.cpuMicroseconds) / eventsPerRound;
  if (round > 0) contestant.rounds.push({ ...result, cpuMicroseconds });
}

function print(contestants: readonly Contestant[]): void {
  const [ours] = contestants;
  if (ours === undefined) return;
  const megabytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);
  console.log(`${rounds} rounds of ${eventsPerRound} events over ${values.connections} connections`);
  console.log(`${"".padEnd(32)} CPU µs each  ours to it   each/s   p50 ms   p99 ms   RSS MB`);
  for (const contestant of contestants) {
    const cpu = medianOf(contestant, "cpuMicroseconds");
    const cells = [
      cpu.toFixed(0).padStart(12),
      (medianOf(ours, "cpuMicroseconds") / cpu).toFixed(2).padStart(12),
      (eventsPerRound / medianOf(contestant, "seconds")).toFixed(0).padStart(9),
      medianOf(contestant, "p50Ms").toFixed(1).padStart(9),
      medianOf(contestant, "p99Ms").toFixed(1).padStart(9),
      `  ${megabytes(contestant.first.rssBytes)} → ${megabytes(contestant.last.rssBytes)}`,
    ];
    console.log(contestant.name.padEnd(32) + cells.join(""));
  }
}

/** Waits until every acknowledged event has become an active mapping. */
async function settle(mongodbUrl: string, expected: number): Promise<void> {
  const startedAt = performance.now();
  const connection = await mongoose.createConnection(mongodbUrl).asPromise();
  const rows = connection.collection("vital_user_mappings");
  const countActive = () => rows.countDocuments({ state: "active", _id: /^round-/ as never });
  await waitUntil("all are active", async () => (await countActive()) === expected, 600_000);
  await connection.close();
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`all ${expected} acknowledged events are active mappings after ${seconds.toFixed(1)} s`);
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
    return { name, server, rounds: [], first: usage, last: usage } satisfies Contestant;
  }

  const flags = values.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", values.profile];
  const ownSettings = { ...settings, EVENTS_SIGNING_SECRETS: secret };
  const plain = (check: string) => ({
    MONGODB_URL: settings.MONGODB_URL.replace(
      /\/[^/]*$/,
      `/vital_gateway_bench_plain_${process.pid}_${check}`,
    ),
    REDIS_URL: settings.REDIS_URL,
    SIGNING_SECRET: secret,
    SIGNATURE_CHECK: check,
  });
  const contestants: Contestant[] = [
    await start("the gateway", product.script("processes/gateway"), ownSettings, flags),
    await start("plain, standardwebhooks", script("ingress-baseline"), plain("package")),
    await start("plain, node:crypto", script("ingress-baseline"), plain("crypto")),
  ];
  const gatewayUrl = contestants[0]?.server.url ?? "";
  const isReady = async () => (await fetch(`${gatewayUrl}/readyz`).catch(() => null))?.status === 200;
  await waitUntil("the gateway is ready", isReady, 20_000);

  for (let round = 0; round <= rounds; round += 1) {
    for (const contestant of contestants) await runRound(contestant, load, round);
  }
  print(contestants);
  if (values.settle) {
    const worker = await startMeasured(script("worker"), ownSettings, 1);
    closers.push(worker.stop);
    await settle(settings.MONGODB_URL, (rounds + 1) * eventsPerRound);
  }
  for (const check of ["package", "crypto"]) {
    const client = new mongoose.mongo.MongoClient(plain(check).MONGODB_URL);
    await client.db().dropDatabase();
    await client.close();
  }
} finally {
  for (const close of closers.reverse()) await close();
}
