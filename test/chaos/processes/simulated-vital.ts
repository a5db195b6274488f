import { request } from "undici";
import type { Fault } from "../../../simulator/faults.js";
import { createProductProcess, type ProcessSupervisor } from "./product-process.js";

export type LedgerEntry = {
  vitalUserId: string;
  clientUserId: string;
  createdAt: string;
  deletedAt: string | null;
};
type TimelineEntry = { at: number; operation: string | null; status: number | null };

type Distribute<T> = T extends unknown ? Omit<T, "times" | "probability" | "seed" | "operation"> : never;
/** A fault of Vital in the format of the simulator's control API. */
export type VitalFault = Distribute<Fault> & {
  operation?: Fault["operation"];
  probability?: number;
  seed?: number;
};

/** Starts the simulator of Vital and returns its control API. The process is never restarted: its users are in memory. */
export function startSimulatedVital(options: {
  script: string;
  port: number;
  apiKey: string;
  logPath: string;
  supervisor: ProcessSupervisor;
}) {
  const { script, port, apiKey, logPath, supervisor } = options;
  const env = { SIMULATOR_PORT: String(port), SIMULATOR_API_KEY: apiKey };
  const simulator = createProductProcess({ name: "simulator", args: [script], env, logPath }, supervisor);
  simulator.start();
  const url = `http://127.0.0.1:${port}`;

  async function control<T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
    const response = await request(`${url}/__simulator${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    });
    const text = await response.body.text();
    if (response.statusCode !== 200) {
      throw new Error(`The simulator responded with ${response.statusCode}: ${text}`);
    }
    return JSON.parse(text) as T;
  }

  const listLedger = async (query = "") =>
    (await control<{ users: LedgerEntry[] }>("GET", `/ledger${query}`)).users;

  return {
    port,
    close: simulator.close,

    isUp: () =>
      control("GET", "/faults").then(
        () => true,
        () => false,
      ),
    addFault: (fault: VitalFault) => control("POST", "/faults", fault),
    clearFaults: () => control("DELETE", "/faults"),
    /** Returns every user ever created, deleted ones included. */
    listAllUsers: () => listLedger(),
    listTimeline: async (sinceMs: number) =>
      (await control<{ timeline: TimelineEntry[] }>("GET", `/timeline?since=${sinceMs}`)).timeline,

    /**
     * Deletes an app user's Vital user directly at Vital, without the product. Returns the Vital user's id, even if the
     * outcome of the deletion is unknown, or `null` if the app user has no live Vital user.
     */
    async deleteAtVital(appUserId: string): Promise<string | null> {
      const query = `?clientUserId=${encodeURIComponent(appUserId)}`;
      const live = (await listLedger(query)).find(({ deletedAt }) => deletedAt === null);
      if (live === undefined) return null;
      const headers = { "x-vital-api-key": apiKey };
      const options = { method: "DELETE", headers, headersTimeout: 3_000 } as const;
      const response = await request(`${url}/v2/user/${live.vitalUserId}`, options).catch(() => null);
      await response?.body.dump();
      return live.vitalUserId;
    },
  };
}

export type SimulatedVital = ReturnType<typeof startSimulatedVital>;
