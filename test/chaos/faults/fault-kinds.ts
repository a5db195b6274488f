import { Redis } from "ioredis";
import type { EmbeddedMongo } from "../../../dev/embedded/mongo.js";
import type { EmbeddedRedis } from "../../../dev/embedded/redis.js";
import { waitUntil } from "../../support/wait-until.js";
import type { ProxyState } from "../processes/tcp-proxy.js";
import type { Member, Service } from "../processes/fleet.js";
import { measureRetryAfterWindow, type LoadControls, type RetryAfterWindows } from "./retry-after-window.js";
import type { VitalFault, SimulatedVital } from "../processes/simulated-vital.js";

/** All that a fault may hurt. */
export type SystemUnderTest = {
  members: readonly Member[];
  mongo: EmbeddedMongo;
  redis: EmbeddedRedis;
  vital: SimulatedVital;
  load: LoadControls;
  retryAfterWindows: RetryAfterWindows;
  /** Takes what is wrong with how a process stopped when it was asked to. */
  onStopProblem: (description: string) => void;
};

export type FaultContext = SystemUnderTest & {
  /** Throws where the fault has no process as its target. */
  member: () => Member;
  durationMs: number;
  /** For what the fault itself leaves to chance. */
  seed: number;
  /** Waits for as long as the fault is to last. */
  waitForDuration: () => Promise<void>;
};

export type FaultKind = {
  /** What it hurts; nothing else hurts the same at that time. `everything` has the run for itself. */
  targetType: "worker" | "gateway" | "direct-member" | "member" | "redis" | "mongo" | "vital" | "everything";
  /** Shortest and longest. */
  durationMs: readonly [number, number];
  /** Begins, holds and ends the fault; afterwards what it hurt works again. */
  run: (testbed: FaultContext) => Promise<void>;
};

const kill: FaultKind["run"] = async ({ member, waitForDuration }) => {
  await member().process.kill();
  await waitForDuration();
  member().process.start();
};

const freeze: FaultKind["run"] = async ({ member, waitForDuration }) => {
  member().process.freeze();
  await waitForDuration();
  member().process.thaw();
};

const freezeThenKill: FaultKind["run"] = async ({ member, waitForDuration }) => {
  member().process.freeze();
  await waitForDuration();
  await member().process.kill();
  member().process.start();
};

/** The contract allows 10 s. */
const stopWithinMs = 10_500;
/** On a busy machine a process takes long to load its code; until then it ends by the signal itself. */
const bootMs = 30_000;

const stop: FaultKind["run"] = async ({ member, waitForDuration, onStopProblem }) => {
  const { name, process, isUp } = member();
  await waitUntil(`${name} is up`, isUp, bootMs);
  const startedAtMs = performance.now();
  const code = await process.stop();
  const tookMs = Math.round(performance.now() - startedAtMs);
  if (tookMs > stopWithinMs) onStopProblem(`${name} took ${tookMs} ms to stop`);
  if (code !== 0) onStopProblem(`${name} stopped with exit code ${String(code)} after ${tookMs} ms`);
  await waitForDuration();
  process.start();
};

const cut =
  (service: Service, state: ProxyState): FaultKind["run"] =>
  async ({ member, waitForDuration }) => {
    member().proxies[service]?.set(state);
    await waitForDuration();
    member().proxies[service]?.set("open");
  };

const startAttempts = 5;

/** On a busy machine a server may not come up in the time that it is given. */
export async function startWithRetries(server: EmbeddedMongo | EmbeddedRedis): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.start();
      return;
    } catch (error) {
      if (attempt === startAttempts) throw error;
    }
  }
}

const restart =
  (service: "redis" | "mongo"): FaultKind["run"] =>
  async ({ [service]: server, waitForDuration }) => {
    await server.kill();
    await waitForDuration();
    await startWithRetries(server);
  };

const pause =
  (service: "redis" | "mongo"): FaultKind["run"] =>
  async ({ [service]: server, waitForDuration }) => {
    server.pause();
    await waitForDuration();
    server.resume();
  };

async function command(redis: EmbeddedRedis, ...words: [string, ...string[]]): Promise<void> {
  const connection = new Redis(redis.url);
  try {
    await connection.call(...words);
  } finally {
    connection.disconnect();
  }
}

const flush: FaultKind["run"] = ({ redis }) => command(redis, "FLUSHALL");

/** As in a failover: it follows a master that is not there, and refuses writes until it is one again. */
const demote: FaultKind["run"] = async ({ redis, waitForDuration }) => {
  await command(redis, "REPLICAOF", "127.0.0.1", "1");
  await waitForDuration();
  await command(redis, "REPLICAOF", "NO", "ONE");
};

const atVital =
  (...faults: readonly VitalFault[]): FaultKind["run"] =>
  async ({ vital, waitForDuration, seed }) => {
    for (const fault of faults) await vital.addFault({ ...fault, seed });
    await waitForDuration();
    await vital.clearFaults();
  };

const often = { probability: 0.6 };

/** Every fault of a run. Each is drawn once before one comes again; those on `everything` come at times of their own. */
export const faultKinds = {
  "kill a worker": { targetType: "worker", durationMs: [100, 3_000], run: kill },
  "kill a worker again": { targetType: "worker", durationMs: [100, 3_000], run: kill },
  "kill a gateway": { targetType: "gateway", durationMs: [100, 2_000], run: kill },
  "freeze a gateway, shorter than its deadline": {
    targetType: "gateway",
    durationMs: [3_000, 5_000],
    run: freeze,
  },
  "freeze a gateway, longer than every time-out": {
    targetType: "gateway",
    durationMs: [18_000, 22_000],
    run: freeze,
  },
  "freeze a gateway and kill it": { targetType: "gateway", durationMs: [5_000, 12_000], run: freezeThenKill },
  "stop a process": { targetType: "member", durationMs: [100, 2_000], run: stop },
  "freeze a worker, shorter than its locks": {
    targetType: "worker",
    durationMs: [3_000, 3_000],
    run: freeze,
  },
  "freeze a worker, longer than its locks": {
    targetType: "worker",
    durationMs: [25_000, 25_000],
    run: freeze,
  },
  "freeze a worker and kill it": { targetType: "worker", durationMs: [5_000, 12_000], run: freezeThenKill },
  "cut a process off Redis": {
    targetType: "member",
    durationMs: [1_000, 8_000],
    run: cut("redis", "broken"),
  },
  "no bytes to Redis": { targetType: "member", durationMs: [1_000, 12_000], run: cut("redis", "silent") },
  "cut a process off MongoDB": {
    targetType: "direct-member",
    durationMs: [1_000, 8_000],
    run: cut("mongo", "broken"),
  },
  "no bytes to MongoDB": {
    targetType: "direct-member",
    durationMs: [1_000, 12_000],
    run: cut("mongo", "silent"),
  },
  "cut a process off Vital": {
    targetType: "member",
    durationMs: [1_000, 8_000],
    run: cut("vital", "broken"),
  },
  "no bytes to Vital": { targetType: "member", durationMs: [1_000, 8_000], run: cut("vital", "silent") },
  "kill Redis": { targetType: "redis", durationMs: [100, 6_000], run: restart("redis") },
  "flush Redis": { targetType: "redis", durationMs: [0, 0], run: flush },
  "flush Redis again": { targetType: "redis", durationMs: [0, 0], run: flush },
  "pause Redis": { targetType: "redis", durationMs: [500, 6_000], run: pause("redis") },
  "demote Redis": { targetType: "redis", durationMs: [2_000, 6_000], run: demote },
  "kill MongoDB": { targetType: "mongo", durationMs: [100, 6_000], run: restart("mongo") },
  "pause MongoDB": { targetType: "mongo", durationMs: [500, 8_000], run: pause("mongo") },
  "Vital answers 429 and says how long to wait": {
    targetType: "everything",
    durationMs: [2_000, 5_000],
    run: measureRetryAfterWindow(429),
  },
  "Vital answers 503 and says how long to wait": {
    targetType: "everything",
    durationMs: [2_000, 5_000],
    run: measureRetryAfterWindow(503),
  },
  "Vital answers 429 now and then": {
    targetType: "vital",
    durationMs: [1_000, 4_000],
    run: atVital({ kind: "status", status: 429, probability: 0.3 }),
  },
  "Vital answers 503 now and then": {
    targetType: "vital",
    durationMs: [1_000, 5_000],
    run: atVital({ kind: "status", status: 503, retryAfterSeconds: 1, ...often }),
  },
  "Vital answers 500": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "status", status: 500, ...often }),
  },
  "Vital refuses the key": {
    targetType: "vital",
    durationMs: [1_000, 4_000],
    run: atVital({ kind: "status", status: 401 }),
  },
  "Vital resets connections": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "reset", ...often }),
  },
  "Vital hangs": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "hang", ...often }),
  },
  "Vital is slow": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital({ kind: "delay", delayMs: 1_200 }),
  },
  "Vital commits after our time-out": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital(
      { kind: "delay", delayMs: 9_000, probability: 0.3 },
      { kind: "delay", delayMs: 3_000, probability: 0.6 },
    ),
  },
  "Vital commits, then breaks the connection": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital({ kind: "commit-then-fail", ...often }),
  },
  "Vital commits, then answers 500": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital({ kind: "commit-then-fail", status: 500, ...often }),
  },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

/** One fault of the plan; `target` is a process's name or a service. */
export type PlannedFault = {
  name: FaultName;
  target: string;
  dueAtMs: number;
  durationMs: number;
  seed: number;
};
