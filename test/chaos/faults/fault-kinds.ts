import { Redis } from "ioredis";
import type { EmbeddedMongo } from "../../../dev/embedded/mongo.js";
import type { EmbeddedRedis } from "../../../dev/embedded/redis.js";
import { waitUntil } from "../../support/wait-until.js";
import type { ProxyState } from "../processes/tcp-proxy.js";
import type { Member, Service } from "../processes/fleet.js";
import { measureRetryAfterWindow, type LoadControls, type RetryAfterWindows } from "./retry-after-window.js";
import type { VitalFault, SimulatedVital } from "../processes/simulated-vital.js";

/** Everything that a fault may affect. */
export type SystemUnderTest = {
  members: readonly Member[];
  mongo: EmbeddedMongo;
  redis: EmbeddedRedis;
  vital: SimulatedVital;
  load: LoadControls;
  retryAfterWindows: RetryAfterWindows;
  /** Called with a description when a process does not stop cleanly after SIGTERM. */
  onStopProblem: (description: string) => void;
};

export type FaultContext = SystemUnderTest & {
  /** Returns the target process. Throws if the fault's target is not a process. */
  member: () => Member;
  durationMs: number;
  /** For random choices within the fault. */
  seed: number;
  /** Waits for the duration of the fault. */
  waitForDuration: () => Promise<void>;
};

export type FaultKind = {
  /** What the fault affects. A target has at most one fault at a time; a fault on `everything` runs alone. */
  targetType: "worker" | "gateway" | "direct-member" | "member" | "redis" | "mongo" | "vital" | "everything";
  /** Minimum and maximum. */
  durationMs: readonly [number, number];
  /** Starts the fault, waits, and ends it. Afterwards the target works again. */
  run: (context: FaultContext) => Promise<void>;
};

export const runsAlone = ({ targetType }: FaultKind): boolean => targetType === "everything";

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

/** The product promises to stop within 10 s. */
const stopWithinMs = 10_500;
/** On a busy machine, a process takes long to load its code. Until it has, SIGTERM ends it without a clean stop. */
const startTimeoutMs = 30_000;

const stop: FaultKind["run"] = async ({ member, waitForDuration, onStopProblem }) => {
  const { name, process, isUp } = member();
  await waitUntil(`${name} is up`, isUp, startTimeoutMs);
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

/** Starts a server. On a busy machine one attempt may time out, so it tries several times. */
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

const freezeServer =
  (service: "redis" | "mongo"): FaultKind["run"] =>
  async ({ [service]: server, waitForDuration }) => {
    server.pause();
    await waitForDuration();
    server.resume();
  };

async function sendCommand(redis: EmbeddedRedis, ...words: [string, ...string[]]): Promise<void> {
  const connection = new Redis(redis.url);
  try {
    await connection.call(...words);
  } finally {
    connection.disconnect();
  }
}

const flush: FaultKind["run"] = ({ redis }) => sendCommand(redis, "FLUSHALL");

/** As in a failover: Redis becomes a replica of an unreachable master and rejects writes until it is a master again. */
const demote: FaultKind["run"] = async ({ redis, waitForDuration }) => {
  await sendCommand(redis, "REPLICAOF", "127.0.0.1", "1");
  await waitForDuration();
  await sendCommand(redis, "REPLICAOF", "NO", "ONE");
};

const atVital =
  (...faults: readonly VitalFault[]): FaultKind["run"] =>
  async ({ vital, waitForDuration, seed }) => {
    for (const fault of faults) await vital.addFault({ ...fault, seed });
    await waitForDuration();
    await vital.clearFaults();
  };

const often = { probability: 0.6 };

/**
 * Every fault of a run. Each is used once before any is repeated. Faults on `everything` have a separate schedule.
 * Faults that are listed twice are injected twice as often.
 */
export const faultKinds = {
  "kill a worker": { targetType: "worker", durationMs: [100, 3_000], run: kill },
  "kill a worker (again)": { targetType: "worker", durationMs: [100, 3_000], run: kill },
  "kill a gateway": { targetType: "gateway", durationMs: [100, 2_000], run: kill },
  "freeze a gateway for less than its deadline": {
    targetType: "gateway",
    durationMs: [3_000, 5_000],
    run: freeze,
  },
  "freeze a gateway for longer than clients wait": {
    targetType: "gateway",
    durationMs: [18_000, 22_000],
    run: freeze,
  },
  "freeze a gateway, then kill it": {
    targetType: "gateway",
    durationMs: [5_000, 12_000],
    run: freezeThenKill,
  },
  "stop a process with SIGTERM": { targetType: "member", durationMs: [100, 2_000], run: stop },
  "freeze a worker for less than its job locks": {
    targetType: "worker",
    durationMs: [3_000, 3_000],
    run: freeze,
  },
  "freeze a worker for longer than its job locks": {
    targetType: "worker",
    durationMs: [25_000, 25_000],
    run: freeze,
  },
  "freeze a worker, then kill it": { targetType: "worker", durationMs: [5_000, 12_000], run: freezeThenKill },
  "break one process's connections to Redis": {
    targetType: "member",
    durationMs: [1_000, 8_000],
    run: cut("redis", "broken"),
  },
  "stall one process's connections to Redis": {
    targetType: "member",
    durationMs: [1_000, 12_000],
    run: cut("redis", "stalled"),
  },
  "break one process's connections to MongoDB": {
    targetType: "direct-member",
    durationMs: [1_000, 8_000],
    run: cut("mongo", "broken"),
  },
  "stall one process's connections to MongoDB": {
    targetType: "direct-member",
    durationMs: [1_000, 12_000],
    run: cut("mongo", "stalled"),
  },
  "break one process's connections to Vital": {
    targetType: "member",
    durationMs: [1_000, 8_000],
    run: cut("vital", "broken"),
  },
  "stall one process's connections to Vital": {
    targetType: "member",
    durationMs: [1_000, 8_000],
    run: cut("vital", "stalled"),
  },
  "kill Redis": { targetType: "redis", durationMs: [100, 6_000], run: restart("redis") },
  "flush Redis": { targetType: "redis", durationMs: [0, 0], run: flush },
  "flush Redis (again)": { targetType: "redis", durationMs: [0, 0], run: flush },
  "freeze Redis": { targetType: "redis", durationMs: [500, 6_000], run: freezeServer("redis") },
  "demote Redis to a replica": { targetType: "redis", durationMs: [2_000, 6_000], run: demote },
  "kill MongoDB": { targetType: "mongo", durationMs: [100, 6_000], run: restart("mongo") },
  "freeze MongoDB": { targetType: "mongo", durationMs: [500, 8_000], run: freezeServer("mongo") },
  "Vital responds 429 with Retry-After": {
    targetType: "everything",
    durationMs: [2_000, 5_000],
    run: measureRetryAfterWindow(429),
  },
  "Vital responds 503 with Retry-After": {
    targetType: "everything",
    durationMs: [2_000, 5_000],
    run: measureRetryAfterWindow(503),
  },
  "Vital responds 429 to some calls": {
    targetType: "vital",
    durationMs: [1_000, 4_000],
    run: atVital({ kind: "status", status: 429, probability: 0.3 }),
  },
  "Vital responds 503 to some calls": {
    targetType: "vital",
    durationMs: [1_000, 5_000],
    run: atVital({ kind: "status", status: 503, retryAfterSeconds: 1, ...often }),
  },
  "Vital responds 500 to some calls": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "status", status: 500, ...often }),
  },
  "Vital rejects the API key": {
    targetType: "vital",
    durationMs: [1_000, 4_000],
    run: atVital({ kind: "status", status: 401 }),
  },
  "Vital resets some connections": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "reset", ...often }),
  },
  "Vital does not respond to some calls": {
    targetType: "vital",
    durationMs: [1_000, 6_000],
    run: atVital({ kind: "hang", ...often }),
  },
  "Vital is slow": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital({ kind: "delay", delayMs: 1_200 }),
  },
  "Vital commits after the client's timeout": {
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
  "Vital commits, then responds 500": {
    targetType: "vital",
    durationMs: [2_000, 8_000],
    run: atVital({ kind: "commit-then-fail", status: 500, ...often }),
  },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

/** One fault of the plan. `target` is the name of a process or a service, or `everything`. */
export type PlannedFault = {
  name: FaultName;
  target: string;
  dueAtMs: number;
  durationMs: number;
  seed: number;
};
