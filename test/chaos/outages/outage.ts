import { startWithRetries, type SystemUnderTest } from "../faults/fault-kinds.js";
import type { Service } from "../processes/fleet.js";

export type OutageManner = "refusing" | "silent";

/** One service that is down for a while, for everybody. */
export type Outage = { service: Service; seconds: number; manner: OutageManner };

/** Reads `redis=300` or `vital=300,silent`; `null` for anything else. */
export function parseOutage(text: string): Outage | null {
  const match = /^(?<service>redis|mongo|vital)=(?<seconds>\d{2,4})(?<silent>,silent)?$/.exec(text);
  const seconds = Number(match?.groups?.seconds);
  if (!match?.groups || seconds < 40 || seconds > 3600) return null;
  const manner = match.groups.silent === undefined ? "refusing" : "silent";
  return { service: match.groups.service as Service, seconds, manner };
}

type OutageActions = (world: Pick<SystemUnderTest, "members" | "redis" | "mongo" | "vital">) => {
  begin: () => Promise<unknown>;
  end: () => Promise<unknown>;
};

const stopAndStart =
  (service: "redis" | "mongo"): OutageActions =>
  ({ [service]: server }) => ({ begin: () => server.kill(), end: () => startWithRetries(server) });

const freeze =
  (service: "redis" | "mongo"): OutageActions =>
  ({ [service]: server }) => ({
    begin: async () => {
      await Promise.resolve();
      server.pause();
    },
    end: async () => {
      await Promise.resolve();
      server.resume();
    },
  });

/** The simulator keeps its users in memory: it stays up, but nobody gets to it. */
const cutOffVital: OutageActions = ({ members }) => {
  const setAll = async (state: "broken" | "open") => {
    for (const { proxies } of members) proxies.vital?.set(state);
    await Promise.resolve();
  };
  return { begin: () => setAll("broken"), end: () => setAll("open") };
};

const hangVital: OutageActions = ({ vital }) => ({
  begin: () => vital.addFault({ kind: "hang" }),
  end: () => vital.clearFaults(),
});

/** How each service goes down and comes back. */
export const outageActions: Record<Service, Record<OutageManner, OutageActions>> = {
  redis: { refusing: stopAndStart("redis"), silent: freeze("redis") },
  mongo: { refusing: stopAndStart("mongo"), silent: freeze("mongo") },
  vital: { refusing: cutOffVital, silent: hangVital },
};

export const toName = ({ service, seconds, manner }: Outage) => `${service} ${manner} for ${seconds} s`;
