import { startWithRetries, type SystemUnderTest } from "../faults/fault-kinds.js";
import type { Service } from "../processes/fleet.js";

export type OutageManner = "refusing" | "silent";

/** One service that is down for all processes for a while. */
export type Outage = { service: Service; seconds: number; manner: OutageManner };

/** Parses `redis=300` or `vital=300,silent`. Returns `null` for anything else. */
export function parseOutage(text: string): Outage | null {
  const match = /^(?<service>redis|mongo|vital)=(?<seconds>\d{2,4})(?<silent>,silent)?$/.exec(text);
  const seconds = Number(match?.groups?.seconds);
  if (!match?.groups || seconds < 40 || seconds > 3600) return null;
  const manner = match.groups.silent === undefined ? "refusing" : "silent";
  return { service: match.groups.service as Service, seconds, manner };
}

type OutageActions = (system: Pick<SystemUnderTest, "members" | "redis" | "mongo" | "vital">) => {
  start: () => Promise<unknown>;
  end: () => Promise<unknown>;
};

const stopAndStart =
  (service: "redis" | "mongo"): OutageActions =>
  ({ [service]: server }) => ({ start: () => server.kill(), end: () => startWithRetries(server) });

const freeze =
  (service: "redis" | "mongo"): OutageActions =>
  ({ [service]: server }) => ({
    start: async () => {
      await Promise.resolve();
      server.pause();
    },
    end: async () => {
      await Promise.resolve();
      server.resume();
    },
  });

/** The simulator keeps its users in memory, so it stays up, but no process can connect to it. */
const cutOffVital: OutageActions = ({ members }) => {
  const setAll = async (state: "broken" | "open") => {
    for (const { proxies } of members) proxies.vital?.set(state);
    await Promise.resolve();
  };
  return { start: () => setAll("broken"), end: () => setAll("open") };
};

const hangVital: OutageActions = ({ vital }) => ({
  start: () => vital.addFault({ kind: "hang" }),
  end: () => vital.clearFaults(),
});

/** How each service goes down and is restored. */
export const outageActions: Record<Service, Record<OutageManner, OutageActions>> = {
  redis: { refusing: stopAndStart("redis"), silent: freeze("redis") },
  mongo: { refusing: stopAndStart("mongo"), silent: freeze("mongo") },
  vital: { refusing: cutOffVital, silent: hangVital },
};

const serviceNames: Record<Service, string> = { redis: "Redis", mongo: "MongoDB", vital: "Vital" };

const mannerText: Record<OutageManner, string> = {
  refusing: "refusing connections",
  silent: "not responding",
};

export const describeOutage = ({ service, seconds, manner }: Outage) =>
  `${serviceNames[service]} ${mannerText[manner]} for ${seconds} s`;
